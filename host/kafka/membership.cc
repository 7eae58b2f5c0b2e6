#include "kafka/membership.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "kafka/topic_pattern.h"
#include "runtime/failpoint.h"

namespace hostler::kafka {
namespace {

constexpr core::Millis longest_pause{5'000};
constexpr core::Millis other_members_turn{150};
constexpr core::Millis unstable_patience{1'000};  // offsets that a transaction is about to move do not come; see end_transactions()

std::uint64_t next_assignment_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

std::string number_of(std::size_t n) { return std::to_string(n) + (n == 1 ? " partition" : " partitions"); }

}  // namespace

Membership::Membership(const ConsumerOptions& options, std::shared_ptr<Client> client, Lanes& lanes, Committer& committer)
    : options_(options),
      client_(std::move(client)),
      lanes_(lanes),
      committer_(committer),
      offsets_(*client_, options.transactions ? std::min(options.request_timeout, unstable_patience) : options.request_timeout),
      resolver_(offsets_, options.start, [this](std::span<const core::TopicPartition> partitions) { return options_.assignments->remembered(partitions); }) {}

void Membership::rebalance(rd_kafka_resp_err_t what, const rd_kafka_topic_partition_list_t* partitions) {
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    client_->heard_from_broker();
    if (!pending_) pending_.emplace();
    pending_->answered = false;
    pending_->next_try = {};
    for (int i = 0; i < partitions->cnt; ++i) {
      pending_->partitions.insert({partitions->elems[i].topic, {partitions->elems[i].partition}});
    }
    const std::lock_guard lock(state_mutex_);
    state_.joined = true;  // maybe with nothing
    return;  // opened by the next tick, outside the callback
  }
  if (what != RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
    client_->reporter().say(LogLevel::error, "the group's rebalance failed: " + error_text(what));
  }
  take_away(partitions);
}

// ---- taking away ----

void Membership::take_away(const rd_kafka_topic_partition_list_t* partitions) {
  const bool lost = rd_kafka_assignment_lost(client_->get()) != 0;
  const bool all = !cooperative();
  resolver_.forget();

  std::vector<std::shared_ptr<PartitionState>> ending;
  std::vector<core::TopicPartition> names;
  const PartitionList unassigned = new_partition_list();
  for (const auto& [where, p] : assigned_) {
    if (!all && rd_kafka_topic_partition_list_find(partitions, where.topic.c_str(), where.partition.value) == nullptr) continue;
    ending.push_back(p);
    names.push_back(where);
    rd_kafka_topic_partition_list_add(unassigned.get(), where.topic.c_str(), where.partition.value);
  }
  for (int i = 0; pending_ && i < partitions->cnt; ++i) {
    pending_->partitions.erase({partitions->elems[i].topic, {partitions->elems[i].partition}});
  }
  if (pending_ && (all || pending_->partitions.empty())) pending_.reset();

  for (const auto& p : ending) {
    const auto lock = p->lane->lock();
    p->owned.store(false);
  }
  for (const auto& lane : lanes_) lane->wakeup()->notify();
  wait_for_lanes(ending);
  for (const auto& p : ending) p->ended.store(true);
  static_cast<void>(runtime::failpoint("revoke"));
  if (!lost) committer_.flush(ending);
  for (const auto& p : ending) {
    say_acknowledged(*p);
    release(*p);
  }
  if (!names.empty()) options_.assignments->revoked(names, lost);
  for (const auto& where : names) {
    assigned_.erase(where);
    looks_.erase(where);
  }
  {
    const auto locks = lock_all_lanes();
    if (all) {
      rd_kafka_assign(client_->get(), nullptr);
    } else {
      const ErrorHandle error(rd_kafka_incremental_unassign(client_->get(), unassigned.get()));
      if (error) client_->reporter().say(LogLevel::error, std::string("cannot give partitions back: ") + rd_kafka_error_string(error.get()));
    }
  }
  if (!names.empty()) client_->reporter().say(LogLevel::info, std::string(lost ? "lost " : "gave up ") + number_of(names.size()));
  {
    const std::lock_guard lock(state_mutex_);
    ++state_.rebalances;
    if (all) state_.joined = false;
  }
  publish_state({});
}

void Membership::end() {
  const PartitionList left = new_partition_list();
  for (const auto& [where, p] : assigned_) rd_kafka_topic_partition_list_add(left.get(), where.topic.c_str(), where.partition.value);
  if (left->cnt > 0) take_away(left.get());
  pending_.reset();
}

void Membership::wait_for_lanes(std::span<const std::shared_ptr<PartitionState>> ending) {
  const core::SteadyTime until = std::chrono::steady_clock::now() + options_.revoke_timeout;
  const auto busy = [](const auto& p) { return p->in_hand.load() != 0; };
  while (std::any_of(ending.begin(), ending.end(), busy)) {
    if (std::chrono::steady_clock::now() >= until) {
      client_->reporter().say(LogLevel::warning, "a lane still holds a batch " + std::to_string(options_.revoke_timeout.count()) +
                                                     " ms after its partitions were revoked; going on without it");
      return;
    }
    let_go_->wait_until(until);
  }
}

void Membership::release(PartitionState& p) {
  LaneSource& lane = *p.lane;
  lane.remove(p);
  const auto lock = lane.lock();
  p.close_queue();
  p.ahead.clear();
  p.seek_to.reset();
}

// ---- opening ----

core::SteadyTime Membership::tick(core::SteadyTime now) {
  look_at_idle(now);
  core::SteadyTime again = look_again(now);
  again = std::min(again, serve_seeks(now));
  if (pending_ && now >= pending_->next_try) {
    if (const auto opened = open(); opened) {
      pending_.reset();
      client_->reporter().over("assignment", "the assignment is being read now");
      publish_state({});
    } else {
      put_off(opened.error());
    }
  }
  if (pending_) again = std::min(again, pending_->next_try);
  return again;
}

core::Status<NotYet> Membership::open() {
  const std::vector<core::TopicPartition> partitions(pending_->partitions.begin(), pending_->partitions.end());
  auto starts = find_starts(partitions);
  if (!starts) return starts.error();
  return assign(*starts);
}

core::Result<std::vector<Membership::Start>, NotYet> Membership::find_starts(std::span<const core::TopicPartition> partitions) {
  if (partitions.empty()) return std::vector<Start>{};
  auto committed = find_committed(partitions);
  if (!committed) {
    if (options_.transactions && !committed.error().other_member) end_transactions(partitions);
    return committed.error();
  }
  std::vector<runtime::AssignedPartition> assigned;
  for (const auto& where : partitions) {
    const auto known = committed->find(where);
    assigned.push_back({where, known == committed->end() ? core::Offset{} : known->second});
  }
  auto positions = options_.assignments->start_positions(assigned);
  if (!positions) return NotYet{positions.error().message};
  if (runtime::failpoint("assign")) return NotYet{"put off on purpose"};
  std::vector<Start> starts;
  for (std::size_t i = 0; i < assigned.size(); ++i) {
    starts.push_back({assigned[i], assigned[i].start.value, std::move((*positions)[i])});
  }
  return starts;
}

core::Result<Offsets, NotYet> Membership::find_committed(std::span<const core::TopicPartition> partitions) {
  if (options_.role == ConsumerOptions::Role::main) return resolver_.resolve(partitions);
  auto known = offsets_.committed(partitions);
  if (!known) return NotYet{known.error().message};
  return std::move(*known);
}

// Offsets that a transaction of the former owner is about to move cannot be read. If it died, that would last until its time-out.
void Membership::end_transactions(std::span<const core::TopicPartition> partitions) {
  for (const auto& where : partitions) {
    for (std::size_t turn = 0; turn < PartitionState::producer_count; ++turn)
      if (!TransactionalProducer::open(options_, where, turn)) return;  // the brokers do not answer
  }
}

core::Status<NotYet> Membership::assign(const std::vector<Start>& starts) {
  std::vector<std::pair<LaneSource*, std::shared_ptr<PartitionState>>> opened;
  std::map<LaneSource*, std::size_t> more;
  const PartitionList list = new_partition_list(static_cast<int>(starts.size()));
  for (const Start& start : starts) {
    auto lane = std::min_element(lanes_.begin(), lanes_.end(), [&](const auto& a, const auto& b) {
      return a->size() + more[a.get()] < b->size() + more[b.get()];
    });
    ++more[lane->get()];
    opened.emplace_back(lane->get(), make_state(start, **lane));
    const auto& where = start.assigned.where;
    rd_kafka_topic_partition_list_add(list.get(), where.topic.c_str(), where.partition.value)->offset =
        start.position.refused ? RD_KAFKA_OFFSET_END : start.position.start.value < 0 ? RD_KAFKA_OFFSET_BEGINNING : start.position.start.value;
  }
  if (const auto answered = answer(list.get()); !answered) {
    std::vector<core::TopicPartition> names;
    for (const auto& [lane, p] : opened) names.push_back(p->where);
    if (!names.empty()) options_.assignments->revoked(names, true);
    return NotYet{answered.error().message};
  }
  for (const auto& [lane, p] : opened) {
    assigned_[p->where] = p;
    if (p->settled.load() >= 0 && p->settled.load() != p->acked) committer_.noted();  // the ledger knew better
    lane->add(p);
  }
  const auto read = static_cast<std::size_t>(std::count_if(starts.begin(), starts.end(), [](const Start& s) { return !s.position.refused; }));
  if (read > 0) client_->reporter().say(LogLevel::info, "reads " + number_of(read) + " more");
  note_refusals(starts);
  return core::Status<NotYet>::success();
}

std::shared_ptr<PartitionState> Membership::make_state(const Start& start, LaneSource& lane) {
  auto p = std::make_shared<PartitionState>();
  p->where = start.assigned.where;
  p->assignment = next_assignment_id();
  p->client = client_;
  p->lane = &lane;
  p->lane_wakeup = lane.wakeup();
  p->let_go = let_go_;
  if (start.position.refused) {
    p->halted = core::text_of(p->where, *start.position.refused);
  } else {
    p->mark = start.position.mark;
    p->settled.store(start.position.start.value);
    p->confirmed.store(std::min(start.committed, start.position.start.value));
  }
  p->acked = start.committed;
  p->committed = {start.committed};
  p->floor = p->delivered = {std::max<std::int64_t>(start.position.start.value, 0)};
  for (const RetryTier& tier : options_.tiers) {
    if (p->tier || !matches(tier.topic, p->where.topic)) continue;
    p->tier = tier.tier;
    p->delay = tier.delay;
  }
  // Before the partition is assigned: redirecting later leaks records to the group's queue.
  p->queue.reset(rd_kafka_queue_get_partition(client_->get(), p->where.topic.c_str(), p->where.partition.value));
  rd_kafka_queue_forward(p->queue.get(), nullptr);
  rd_kafka_queue_cb_event_enable(
      p->queue.get(),
      [](rd_kafka_t*, void* self) {
        auto* state = static_cast<PartitionState*>(self);
        state->ready.store(true);
        state->lane_wakeup->notify();
      },
      p.get());
  return p;
}

core::Status<> Membership::answer(const rd_kafka_topic_partition_list_t* added) {
  const auto locks = lock_all_lanes();
  pending_->answered = true;
  std::string failure;
  if (cooperative()) {
    const ErrorHandle error(rd_kafka_incremental_assign(client_->get(), added));
    if (error) failure = rd_kafka_error_string(error.get());
  } else {
    const rd_kafka_resp_err_t err = rd_kafka_assign(client_->get(), added);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) failure = error_text(err);
  }
  if (!failure.empty()) return core::Error{"the client does not take the assignment: " + failure};
  return core::Status<>::success();
}

void Membership::put_off(const NotYet& reason) {
  if (!pending_->answered) {
    const PartitionList nothing = new_partition_list(0);
    if (const auto answered = answer(nothing.get()); !answered) client_->reporter().say(LogLevel::error, answered.error().message);
  }
  client_->reporter().trouble(reason.other_member ? LogLevel::info : LogLevel::warning, "assignment", reason.why,
                              "not reading " + number_of(pending_->partitions.size()) + " yet: " + reason.why);
  pending_->next_try = std::chrono::steady_clock::now() + (reason.other_member ? other_members_turn : pending_->pause);
  if (!reason.other_member) pending_->pause = std::min(pending_->pause * 2, longest_pause);
  publish_state(reason.why);
}

// ---- seeking ----

core::SteadyTime Membership::serve_seeks(core::SteadyTime now) {
  core::SteadyTime again = core::SteadyTime::max();
  for (const auto& [where, p] : assigned_) {
    {
      const auto lock = p->lane->lock();
      if (!p->seek_to) continue;
    }
    if (p->in_hand.load() != 0 || !seek(*p)) again = now + core::Millis(50);  // the lane lets go of its batch in a moment
  }
  return again;
}

bool Membership::seek(PartitionState& p) {
  const auto locks = lock_all_lanes();
  const PartitionList list = new_partition_list(1);
  rd_kafka_topic_partition_list_add(list.get(), p.where.topic.c_str(), p.where.partition.value)->offset = p.seek_to->value;
  constexpr int one_second = 1'000;
  // Before 2.1 the client takes the time-out for microseconds.
  const int timeout = rd_kafka_version() < 0x020100ff ? one_second * 1'000 : one_second;
  const ErrorHandle error(rd_kafka_seek_partitions(client_->get(), list.get(), timeout));
  const bool done = !error && list->elems[0].err == RD_KAFKA_RESP_ERR_NO_ERROR;
  if (done) {
    if (p.mark && p.mark->next == *p.seek_to && p.settled.load() > p.seek_to->value) {  // an operator's rewind
      p.settled.store(p.seek_to->value);
      p.confirmed.store(std::min(p.confirmed.load(), p.seek_to->value));
      committer_.noted();
    }
    p.ahead.clear();
    p.floor = p.delivered = *p.seek_to;
    p.seek_to.reset();
    p.ready.store(true);
    p.lane_wakeup->notify();
  }
  return done;
}

void Membership::read_again(const core::TopicPartition& where, core::Offset offset) {
  const auto found = assigned_.find(where);
  if (found == assigned_.end()) return;
  const auto lock = found->second->lane->lock();
  auto& seek_to = found->second->seek_to;
  seek_to = seek_to ? std::min(*seek_to, offset) : offset;
}

// ---- small things ----

bool Membership::cooperative() const { return std::strcmp(rd_kafka_rebalance_protocol(client_->get()), "COOPERATIVE") == 0; }

std::vector<std::unique_lock<std::mutex>> Membership::lock_all_lanes() {
  std::vector<std::unique_lock<std::mutex>> locks;
  for (const auto& lane : lanes_) locks.push_back(lane->lock());
  return locks;
}

void Membership::publish_state(std::string waiting_for) {
  const std::lock_guard lock(state_mutex_);
  state_.waiting_for = std::move(waiting_for);
  state_.partitions.clear();
  for (const auto& [where, p] : assigned_) state_.partitions.push_back(where);
}

runtime::ConsumerState Membership::state() const {
  runtime::ConsumerState state;
  {
    const std::lock_guard lock(state_mutex_);
    state = state_;
  }
  std::vector<std::string> halted;
  for (const auto& lane : lanes_) {
    for (auto& text : lane->halted()) halted.push_back(std::move(text));
  }
  if (!state.waiting_for.empty() || halted.empty()) return state;
  state.waiting_for = std::move(halted.front());
  if (halted.size() > 1) state.waiting_for += " (and " + number_of(halted.size() - 1) + " more)";
  return state;
}

}  // namespace hostler::kafka
