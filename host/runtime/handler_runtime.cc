#include "runtime/handler_runtime.h"

#include <algorithm>
#include <future>
#include <set>
#include <utility>

#include "runtime/identity_check.h"
#include "runtime/log.h"
#include "runtime/signal_stack.h"

namespace hostler::runtime {
namespace {
constexpr core::Millis lane_wait{1000};    // a lane with one source sleeps in it until records come
constexpr core::Millis shared_wait{10};    // a lane with two sources looks at them in turn
constexpr core::Millis first_pause{200}, longest_pause{5000};
constexpr core::Millis look_timeout{5'000};  // of one look at what lies in the source topics

// The suspects of what was taken over are known before its first record is read.
core::Result<std::vector<StartPosition>> with_suspects(Suspects& suspects, std::span<const AssignedPartition> assigned, std::vector<StartPosition> positions) {
  std::vector<TakenPartition> taken;
  for (std::size_t i = 0; i < assigned.size(); ++i) {
    if (positions[i].refused) continue;
    taken.push_back({assigned[i].where, positions[i].mark ? positions[i].mark->topic_id : 0, positions[i].start});
  }
  if (auto loaded = suspects.load(taken); !loaded) return core::Error{"ledger: " + loaded.error().message};
  return positions;
}
}  // namespace

// Takes marks over, on assignment and when a fence failed.
class HandlerRuntime::Marks final : public MarkOwner {
 public:
  Marks(std::string service, Ledger& ledger, Admin& admin, OutboxRelay* relay) : service_(std::move(service)), ledger_(ledger), admin_(admin), relay_(relay) {}

  // Takes over what is not refused.
  core::Result<std::vector<StartPosition>> start_positions(std::span<const AssignedPartition> assigned);
  core::Result<std::vector<std::optional<core::Offset>>> remembered(std::span<const core::TopicPartition> partitions);

  LedgerResult<core::Mark> take_over(const core::TopicPartition& where, core::Offset start) override {
    const TakeOver one{where, start};
    auto marks = take_over(std::span(&one, 1));
    if (!marks) return marks.error();
    return marks->front();
  }

 private:
  LedgerResult<std::vector<core::Mark>> take_over(std::span<const TakeOver> partitions) {
    const auto cluster = admin_.cluster_id();
    if (!cluster) return LedgerError{LedgerError::Kind::outage, "", cluster.error().message};
    auto marks = ledger_.take_over(service_, *cluster, partitions);
    for (std::size_t i = 0; marks && relay_ != nullptr && i < partitions.size(); ++i) relay_->owns(partitions[i].where, (*marks)[i]);
    return marks;
  }
  void warn_of_lost_commits(std::span<const AssignedPartition> assigned, std::span<const Compared> compared, std::span<const StartPosition> positions) const;

  const std::string service_;
  Ledger& ledger_;
  Admin& admin_;
  OutboxRelay* relay_;
};

core::Result<std::vector<StartPosition>> HandlerRuntime::Marks::start_positions(std::span<const AssignedPartition> assigned) {
  std::vector<Asked> asked;
  for (const auto& partition : assigned) asked.push_back({partition.where, partition.start});
  const auto compared = compare(ledger_.operations(), service_, admin_, asked, look_timeout);
  if (!compared) return compared.error();
  std::vector<TakeOver> wanted;
  for (std::size_t i = 0; i < assigned.size(); ++i) {
    if (!(*compared)[i].refusal) wanted.push_back({assigned[i].where, assigned[i].start});
  }
  const auto marks = take_over(wanted);
  if (!marks) return core::Error{"ledger: " + marks.error().message};
  std::vector<StartPosition> positions;
  auto mark = marks->begin();
  for (const auto& one : *compared) {
    if (one.refusal) {
      positions.push_back({{}, std::nullopt, one.refusal});
    } else {
      positions.push_back({mark->next, *mark});
      ++mark;
    }
  }
  warn_of_lost_commits(assigned, *compared, positions);
  return positions;
}

// A mark behind Kafka's offset: the offset is only committed after the mark, so that the database has lost commits, or somebody moved one of the two.
void HandlerRuntime::Marks::warn_of_lost_commits(std::span<const AssignedPartition> assigned, std::span<const Compared> compared,
                                                 std::span<const StartPosition> positions) const {
  std::string first;
  std::size_t count = 0;
  std::int64_t records = 0;
  for (std::size_t i = 0; i < assigned.size(); ++i) {
    const std::int64_t behind = assigned[i].start.value - positions[i].start.value;
    if (!positions[i].mark || !compared[i].memory || behind <= 0) continue;
    const auto& where = assigned[i].where;
    if (++count == 1) {
      first = where.topic + "/" + std::to_string(where.partition.value) + ": Kafka's committed offset " + std::to_string(assigned[i].start.value) + " is " +
              std::to_string(behind) + " beyond the ledger's mark " + std::to_string(positions[i].start.value);
    }
    records += behind;
  }
  if (count == 0) return;
  log(LogLevel::warn, "handler " + service_ + ", " + first + (count > 1 ? ", and so in " + std::to_string(count) + " partitions, by " + std::to_string(records) + " together" : "") +
                          ": an older database was restored, or somebody moved one of the two; the mark decides, reading goes on there");
}

core::Result<std::vector<std::optional<core::Offset>>> HandlerRuntime::Marks::remembered(std::span<const core::TopicPartition> partitions) {
  std::vector<Asked> asked;
  for (const auto& where : partitions) asked.push_back({where, std::nullopt});
  const auto compared = compare(ledger_.operations(), service_, admin_, asked, look_timeout);
  if (!compared) return compared.error();
  std::vector<std::optional<core::Offset>> offsets;
  for (const auto& one : *compared) offsets.push_back(one.memory && !one.refusal ? std::optional(one.memory->mark.next) : std::nullopt);
  return offsets;
}

class HandlerRuntime::SourceAssignments final : public Assignments {
 public:
  explicit SourceAssignments(HandlerRuntime& runtime) : runtime_(runtime) {}

  core::Result<std::vector<StartPosition>> start_positions(std::span<const AssignedPartition> assigned) override {
    std::set<std::string> topics;
    for (const auto& partition : assigned) topics.insert(partition.where.topic);
    for (const auto& topic : topics) {
      if (auto ensured = runtime_.topics_.ensure(topic); !ensured) return ensured.error();
    }
    std::vector<StartPosition> positions;
    if (runtime_.marks_ == nullptr) {
      for (const auto& partition : assigned) positions.push_back({partition.start, std::nullopt});
    } else {
      auto taken = runtime_.marks_->start_positions(assigned);
      if (!taken) return taken;
      positions = std::move(*taken);
    }
    return with_suspects(runtime_.suspects_, assigned, std::move(positions));
  }

  core::Result<std::vector<std::optional<core::Offset>>> remembered(std::span<const core::TopicPartition> partitions) override {
    return runtime_.marks_ == nullptr ? Assignments::remembered(partitions) : runtime_.marks_->remembered(partitions);
  }
  void acknowledged(const core::TopicPartition& where, const core::Mark& mark, core::Offset acked) override {
    if (runtime_.watch_ != nullptr) runtime_.watch_->acknowledged(where, mark, acked);
  }
  bool moved(const core::TopicPartition& where, const core::Mark& mark) override { return runtime_.watch_ != nullptr && runtime_.watch_->moved(where, mark); }

  void revoked(std::span<const core::TopicPartition> partitions, bool /*lost*/) override {
    runtime_.suspects_.forget(partitions);
    for (const auto& where : partitions)
      if (runtime_.relay_ != nullptr) runtime_.relay_->revoked(where);
  }

 private:
  HandlerRuntime& runtime_;
};

// Retry topics have no mark: the rows of the delegated records decide.
class HandlerRuntime::RetryAssignments final : public Assignments {
 public:
  explicit RetryAssignments(HandlerRuntime& runtime) : runtime_(runtime) {}

  core::Result<std::vector<StartPosition>> start_positions(std::span<const AssignedPartition> assigned) override {
    std::vector<StartPosition> positions;
    for (const auto& partition : assigned) positions.push_back({partition.start, std::nullopt});
    return with_suspects(runtime_.suspects_, assigned, std::move(positions));
  }
  void revoked(std::span<const core::TopicPartition> partitions, bool /*lost*/) override { runtime_.suspects_.forget(partitions); }

 private:
  HandlerRuntime& runtime_;
};

HandlerRuntime::HandlerRuntime(HandlerParts parts)
    : parts_(std::move(parts)),
      topics_(parts_.config, parts_.admin),
      intake_(parts_.config.breaker),
      suspects_(parts_.config, parts_.ledger, parts_.local),
      source_assignments_(std::make_unique<SourceAssignments>(*this)),
      retry_assignments_(std::make_unique<RetryAssignments>(*this)) {
  if (parts_.ledger != nullptr) {
    if (parts_.config.publish == core::Publish::outbox) relay_ = std::make_unique<OutboxRelay>(parts_.config.name, *parts_.ledger, parts_.publisher);
    marks_ = std::make_unique<Marks>(parts_.config.name, *parts_.ledger, parts_.admin, relay_.get());
    watch_ = std::make_unique<LedgerWatch>(parts_.config.name, *parts_.ledger);
  }
  if (parts_.config.rate_limit > 0) rate_limit_ = std::make_unique<RateLimit>(parts_.config.rate_limit, parts_.clock.steady());
  source_ = parts_.make_source(*source_assignments_);
  if (parts_.config.retry.max_retries > 0 && !parts_.config.retry.delays.empty()) retry_ = parts_.make_retry(*retry_assignments_);
}

HandlerRuntime::~HandlerRuntime() {
  drain();
  close();
}

core::Status<> HandlerRuntime::start() {
  const std::uint32_t source_lanes = parts_.single_lane ? 1 : parts_.config.lanes;
  std::vector<std::vector<Source*>> sources;
  for (std::uint32_t i = 0; i < source_lanes; ++i) sources.push_back({&source_->source(i)});
  if (retry_ != nullptr) {
    if (parts_.single_lane) {
      sources.front().push_back(&retry_->source(0));
    } else {
      sources.push_back({&retry_->source(0)});
    }
  }
  progress_.resize(sources.size());
  if (auto opened = open_journal(); !opened) return opened;
  for (std::uint32_t i = 0; i < sources.size(); ++i) {
    auto created = std::make_shared<std::promise<core::Status<>>>();
    auto done = created->get_future();
    lanes_.emplace_back([this, i, from = sources[i], created] {
      bool told = false;
      const auto tell = [&](core::Status<> s) {
        told = true;
        created->set_value(std::move(s));
      };
      try {
        run_lane(i, from, tell);
      } catch (const std::exception& e) {  // a defect of the host: what the lane held is not settled, and the health report says so
        const std::string what = "handler " + parts_.config.name + ": lane " + std::to_string(i) + " ended: " + e.what();
        log(LogLevel::error, what);
        progress_[i].ended();
        if (!told) tell(core::Error{what});
      }
    });
    if (auto status = done.get(); !status) {
      drain();
      close();
      return status;
    }
  }
  if (watch_ != nullptr) watch_->start();
  if (relay_ != nullptr) relay_->start();
  if (auto started = source_->start(); !started) return started;
  if (retry_ != nullptr) retry_starter_ = std::thread([this] { start_retry(); });
  return core::Status<>::success();
}

core::Status<> HandlerRuntime::open_journal() {
  for (std::uint32_t i = 0; parts_.journal != nullptr && i < progress_.size(); ++i) {
    auto lane = parts_.journal->add_lane(parts_.config.name, i, parts_.config.timeout, progress_[i]);
    if (!lane) return lane.error();
    journal_.push_back(std::move(*lane));
  }
  return core::Status<>::success();
}

// Subscribed once its topics exist: a client takes a metadata refresh to notice topics that appear later.
void HandlerRuntime::start_retry() {
  std::string last;
  core::Millis pause = first_pause;
  for (;;) {
    auto ensured = topics_.ensure_all(parts_.host);
    if (ensured) break;
    if (ensured.error().message != last) {
      last = ensured.error().message;
      log(LogLevel::warn, "handler " + parts_.config.name + ": retry topics wait: " + last);
    }
    std::unique_lock lock(mutex_);
    if (stopped_.wait_for(lock, pause, [this] { return stop_; })) return;
    pause = std::min(pause * 2, longest_pause);
  }
  const std::scoped_lock lock(mutex_);
  if (stop_) return;
  if (auto started = retry_->start(); !started) log(LogLevel::error, "handler " + parts_.config.name + ": retry consumer: " + started.error().message);
}

void HandlerRuntime::run_lane(std::uint32_t index, std::vector<Source*> sources, std::function<void(core::Status<>)> created) {
  std::unique_ptr<Lane> lane;
  {
    const std::scoped_lock lock(creating_);
    auto made = parts_.make_lane(index, progress_[index]);
    if (!made) return created(made.error());
    lane = std::move(made.value());
  }
  created(core::Status<>::success());

  const SignalStack stack;
  std::vector<std::unique_ptr<Pipeline>> pipelines;
  for (auto* source : sources) {
    const PipelineParts parts{parts_.config, *source,           *lane,         parts_.publisher, parts_.clock, parts_.observer, marks_.get(),
                              parts_.event_types, &progress_[index], rate_limit_.get(), &intake_,
                              retry_ != nullptr && source == &retry_->source(0), relay_.get(),
                              &suspects_, parts_.gate, journal_.empty() ? nullptr : journal_[index].get()};
    pipelines.push_back(std::make_unique<Pipeline>(parts));
  }
  const core::Millis wait = pipelines.size() == 1 ? lane_wait : shared_wait;
  const auto draining = [](const Source* s) { return s->draining(); };
  while (!std::all_of(sources.begin(), sources.end(), draining)) {
    for (auto& pipeline : pipelines) pipeline->run_once(wait);
  }
}

void HandlerRuntime::drain() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  if (retry_starter_.joinable()) retry_starter_.join();
  source_->drain();
  if (retry_ != nullptr) retry_->drain();
}

void HandlerRuntime::close() {
  for (auto& lane : lanes_) {
    if (lane.joinable()) lane.join();
  }
  lanes_.clear();
  if (relay_ != nullptr) relay_->stop();  // what is left is the next owner's
  source_->close();
  if (retry_ != nullptr) retry_->close();
  if (watch_ != nullptr) watch_->stop();  // last: closing tells it what Kafka acknowledged
}

ConsumerState HandlerRuntime::source_state() const { return source_->state(); }
ConsumerState HandlerRuntime::retry_state() const { return retry_ == nullptr ? ConsumerState{} : retry_->state(); }

core::GroupHealth HandlerRuntime::health_of(const Consumer& consumer, const std::string& group, Standing& seen) const {
  const auto state = consumer.state();
  core::GroupHealth out;
  out.group = group;
  out.joined = state.joined;
  out.waiting_for = state.waiting_for;
  out.rebalances = state.rebalances;
  const auto now = std::chrono::steady_clock::now();
  Standing standing;
  for (auto& p : consumer.progress()) {
    core::PartitionHealth health;
    if (p.end) health.lag = std::max<std::int64_t>(0, p.end->value - p.settled.value);
    const auto before = seen.find(p.where);
    const bool stands = before != seen.end() && before->second.first == p.settled && health.lag != 0;
    const auto since = stands ? before->second.second : now;
    standing.emplace(p.where, std::pair(p.settled, since));
    health.quiet = std::chrono::duration_cast<core::Millis>(now - since);
    health.where = std::move(p.where);
    health.settled = p.settled;
    health.next_due = p.next_due;
    health.held = std::move(p.held);
    out.partitions.push_back(std::move(health));
  }
  seen = std::move(standing);
  return out;
}

core::HandlerHealth HandlerRuntime::health() const {
  core::HandlerHealth out;
  out.name = parts_.config.name;
  out.timeout = parts_.config.timeout;
  out.suspects = suspects_.count();
  {
    const std::scoped_lock lock(seen_mutex_);
    out.source = health_of(*source_, parts_.config.group, source_seen_);
    if (retry_ != nullptr) out.retry = health_of(*retry_, parts_.config.group + ".retry", retry_seen_);
  }
  for (std::uint32_t i = 0; i < progress_.size(); ++i) {
    out.lanes.push_back(progress_[i].health(i));
    if (out.paused_because.empty()) out.paused_because = out.lanes.back().paused_because;
  }
  if (watch_ != nullptr) out.stuck = watch_->stuck();
  out.breaker = intake_.health();
  if (relay_ != nullptr) out.outbox = relay_->health();
  if (out.paused_because.empty()) out.paused_because = out.breaker.because;
  return out;
}

}  // namespace hostler::runtime
