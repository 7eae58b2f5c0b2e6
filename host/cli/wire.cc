#include "cli/wire.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "core/topic_names.h"
#include "kafka/admin.h"
#include "kafka/client_limits.h"
#include "kafka/consumer.h"
#include "kafka/publisher.h"
#include "plugin/handler.h"
#include "plugin/in_process_lane.h"
#include "plugin/loader.h"
#include "runtime/clock.h"
#include "runtime/handler_runtime.h"
#include "runtime/log.h"
#include "runtime/retention.h"
#include "runtime/survey.h"
#include "service/fatal.h"
#include "store/migrator.h"
#include "store/open_ledger.h"

namespace hostler::cli {
namespace {

constexpr core::Millis first_pause{200}, longest_pause{30'000};
constexpr core::Millis delivery_timeout{30'000};
constexpr core::Millis journal_timeout{10'000};  // of an answer about migrations
constexpr core::Millis time_to_end{1'000};  // what ending producers and database sessions takes besides what they wait for

void forward_log(kafka::LogLevel level, std::string_view text) {
  using runtime::LogLevel;
  constexpr LogLevel levels[] = {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error};
  runtime::log(levels[static_cast<std::size_t>(level)], text);
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ",") + part;
  return out;
}

class NobodyWatches final : public runtime::Observer {
 public:
  void batch_settled(std::string_view, const core::TopicPartition&, int, const runtime::SettledCounts&, core::Millis) override {}
  void record_noted(const runtime::RecordNote&) override {}
  void intake(std::string_view, std::string_view) override {}
};

// One handler from its configuration to its threads. Members end in reverse order: the runtime before the handler it runs.
struct RunningHandler {
  std::unique_ptr<plugin::Handler> handler;
  std::unique_ptr<runtime::HandlerRuntime> runtime;
};

// What all handlers of a cluster share.
struct Cluster {
  std::unique_ptr<kafka::KafkaAdmin> own_admin;
  runtime::Admin* admin = nullptr;
  std::unique_ptr<kafka::KafkaPublisher> publisher;
};

class WiredHost final : public Host {
 public:
  WiredHost(const core::HostConfig& config, HostParts parts)
      : config_(config),
        observer_(parts.observer != nullptr ? parts.observer : &nobody_),
        admin_(parts.admin),
        journal_(parts.journal),
        local_(parts.local),
        probe_program_(std::move(parts.probe_program)) {}
  ~WiredHost() override { drain(std::chrono::steady_clock::now() + delivery_timeout); }

  core::Status<> start() override;
  void drain(core::SteadyTime until) override;
  [[nodiscard]] std::vector<HandlerState> state() const override;
  [[nodiscard]] core::HostHealth health() const override;
  [[nodiscard]] std::string failure() const override {
    const std::scoped_lock lock(mutex_);
    return failure_;
  }

 private:
  core::Status<> open_cluster(const core::HandlerConfig& handler);
  core::Status<> open_ledger(const core::HandlerConfig& handler);
  core::Status<> load(const core::HandlerConfig& handler);
  enum class LedgerState : std::uint8_t { ready, unreachable };
  core::Result<LedgerState> look_at_ledgers();
  core::Result<LedgerState> look_at_ledger(const std::string& name, runtime::Ledger& ledger);
  core::Result<LedgerState> settle_crash();
  core::Status<> start_handlers();
  void start_later();
  void start_survey();
  std::vector<std::string> topics_to_watch(const std::string& cluster) const;
  kafka::ConsumerOptions consumer_options(const core::HandlerConfig& handler) const;
  std::unique_ptr<runtime::Consumer> make_source(const core::HandlerConfig& handler, runtime::Assignments& assignments) const;
  std::unique_ptr<runtime::Consumer> make_retry(const core::HandlerConfig& handler, runtime::Assignments& assignments) const;

  const core::HostConfig config_;
  NobodyWatches nobody_;
  runtime::SystemClock clock_;
  runtime::Observer* observer_;
  runtime::Admin* admin_;
  runtime::CrashJournal* const journal_;
  runtime::LocalSuspects* const local_;
  runtime::HandlingGate gate_;
  const std::string probe_program_;
  std::map<std::string, Cluster> clusters_;                          // by name, those that an enabled handler picked
  std::map<std::string, std::unique_ptr<runtime::Ledger>> ledgers_;  // likewise
  std::vector<HandlerState> failed_;                                 // handlers that cannot run; under mutex_
  std::vector<RunningHandler> handlers_;                             // changes under mutex_ once health() may be asked
  std::unique_ptr<runtime::Survey> survey_;
  std::vector<std::unique_ptr<runtime::Retention>> retentions_;      // one per ledger; made with the start of the handlers

  std::thread starter_;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;         // guarded by mutex_, as the next two
  bool running_ = false;      // every handler was started
  std::string failure_;       // guarded by mutex_
};

core::Status<> WiredHost::start() {
  for (const auto& handler : config_.handlers) {
    if (!handler.enabled) {
      runtime::log(runtime::LogLevel::info, "handler " + handler.name + ": not enabled (" + handler.where + ")");
      continue;
    }
    if (auto opened = open_cluster(handler); !opened) return opened;
    if (auto opened = open_ledger(handler); !opened) return opened;
    if (auto loaded = load(handler); !loaded) {  // the other handlers live
      runtime::log(runtime::LogLevel::error, loaded.error().message + " (handler " + handler.name + " does not run)");
      const std::scoped_lock lock(mutex_);
      failed_.push_back({handler.name, loaded.error().message, {}, {}});
    }
  }
  if (handlers_.empty() && !failed_.empty()) return core::Error{config_.file + ": no handler can run; the reasons are logged above"};
  if (handlers_.empty()) return core::Error{config_.file + ": no handler is enabled; there is nothing to run"};
  start_survey();
  auto state = look_at_ledgers();
  if (!state) return state.error();
  if (state.value() == LedgerState::ready) return start_handlers();
  starter_ = std::thread([this] { start_later(); });
  return core::Status<>::success();
}

core::Status<> WiredHost::open_cluster(const core::HandlerConfig& handler) {
  const auto [known, fresh] = clusters_.try_emplace(handler.cluster);
  if (!fresh) return core::Status<>::success();
  const core::KafkaConfig& config = config_.cluster_of(handler);
  Cluster& cluster = known->second;
  const std::string brokers = joined(config.brokers);
  cluster.admin = handler.cluster.empty() ? admin_ : nullptr;
  if (cluster.admin == nullptr) {
    kafka::AdminOptions options;
    options.brokers = brokers;
    options.client_id = config.client_id;
    options.properties = config.properties;
    options.log = forward_log;
    cluster.own_admin = std::make_unique<kafka::KafkaAdmin>(std::move(options));
    if (auto started = cluster.own_admin->start(); !started) return started;
    if (kafka::scram_fails_on_kafka_4(config.properties)) {  // then waiting will hardly mend a refusal
      static_cast<void>(cluster.own_admin->topics());
      if (const auto why = cluster.own_admin->refused_login(); !why.empty()) return core::Error{"the brokers at " + brokers + " refuse the login: " + why};
    }
    cluster.admin = cluster.own_admin.get();
  }
  kafka::PublisherOptions options;
  options.brokers = brokers;
  options.client_id = config.client_id;
  options.properties = config.properties;
  options.delivery_timeout = delivery_timeout;
  options.log = forward_log;
  cluster.publisher = std::make_unique<kafka::KafkaPublisher>(std::move(options));
  return cluster.publisher->start();
}

core::Status<> WiredHost::open_ledger(const core::HandlerConfig& handler) {
  if (handler.idempotency == core::Idempotency::off || ledgers_.contains(handler.ledger)) return core::Status<>::success();
  core::Millis longest_handler{0};
  for (const auto& other : config_.handlers) {
    if (other.enabled && other.ledger == handler.ledger) longest_handler = std::max(longest_handler, other.timeout);
  }
  store::LedgerOptions options;
  options.application_name = "hostler/" + config_.name;
  options.idle_in_transaction_timeout = longest_handler + delivery_timeout + std::chrono::seconds(10);
  options.answer_timeout = longest_handler + std::chrono::seconds(10);
  auto opened = store::open_ledger(config_.ledger_of(handler), options);
  if (!opened) return opened.error();
  ledgers_[handler.ledger] = std::move(opened.value());
  return core::Status<>::success();
}

core::Status<> WiredHost::load(const core::HandlerConfig& config) {
  auto path = plugin::find_plugin(config.plugin, config_.plugin_dirs);
  if (!path) return core::Error{config.where + ": handler " + config.name + ": " + path.error().message};
  plugin::LoadOptions options;
  options.sha256 = config.plugin_sha256;
  if (!probe_program_.empty()) options.probe.program = probe_program_;
  auto loaded = plugin::load_plugin(path.value(), options);
  if (!loaded) return core::Error{config.where + ": handler " + config.name + ": " + loaded.error().message};
  runtime::Ledger* ledger = config.idempotency == core::Idempotency::off ? nullptr : ledgers_.at(config.ledger).get();
  Cluster& cluster = clusters_.at(config.cluster);
  plugin::HandlerOffer offer;
  offer.ledger = ledger != nullptr;
  if (ledger != nullptr) offer.dialect = ledger->dialect();
  offer.host_version = HOSTLER_VERSION;
  auto made = plugin::Handler::make(loaded.value(), config, std::move(offer));
  if (!made) return made.error();

  RunningHandler running;
  running.handler = std::move(made.value());
  auto* handler = running.handler.get();
  const bool single_lane = handler->has(HOSTLER_HANDLER_SINGLE_LANE);
  running.runtime = std::make_unique<runtime::HandlerRuntime>(runtime::HandlerParts{
      config_, config,
      [handler, ledger, noted = journal_ != nullptr](std::uint32_t index, runtime::LaneProgress& progress) {
        auto lane = plugin::InProcessLane::make(*handler, index, ledger, &progress);
        if (noted) service::note_exits();
        return lane;
      },
      [this, &config](runtime::Assignments& assignments) { return make_source(config, assignments); },
      [this, &config](runtime::Assignments& assignments) { return make_retry(config, assignments); }, *cluster.publisher, *cluster.admin, ledger, *observer_, clock_,
      handler->event_types(), single_lane, journal_, &gate_, local_});
  const std::scoped_lock lock(mutex_);
  handlers_.push_back(std::move(running));
  return core::Status<>::success();
}

core::Result<WiredHost::LedgerState> WiredHost::look_at_ledgers() {
  for (auto& [name, ledger] : ledgers_) {
    auto state = look_at_ledger(name, *ledger);
    if (!state || state.value() == LedgerState::unreachable) return state;
  }
  return journal_ == nullptr ? LedgerState::ready : settle_crash();
}

// What the run before this one died of becomes known to everybody before this one joins a group. Only then does the journal forget it.
core::Result<WiredHost::LedgerState> WiredHost::settle_crash() {
  const auto& crash = journal_->predecessor();
  std::map<std::string, std::vector<runtime::Suspect>> by_ledger;
  std::vector<runtime::Suspect> local;
  for (auto& suspect : runtime::suspects_of(crash)) {
    const auto handler = std::find_if(config_.handlers.begin(), config_.handlers.end(), [&](const auto& h) { return h.name == suspect.service; });
    if (handler == config_.handlers.end()) continue;  // nobody's any more
    if (handler->idempotency == core::Idempotency::off) local.push_back(std::move(suspect));
    else if (ledgers_.contains(handler->ledger)) by_ledger[handler->ledger].push_back(std::move(suspect));
  }
  for (const auto& [name, suspects] : by_ledger) {
    const auto added = ledgers_.at(name)->add_suspects(crash.run + "/" + name, suspects);  // two names may be one database
    if (added) continue;
    runtime::log_limited(runtime::LogLevel::warn, "ledger-suspects" + name, "the ledger does not take the suspects of the last crash, the host keeps trying: " + added.error().message);
    return LedgerState::unreachable;
  }
  if (auto kept = local_->add(crash.run, local); !kept) return kept.error();
  for (const auto& line : runtime::in_words(crash)) runtime::log(runtime::LogLevel::warn, line);
  if (auto begun = journal_->begin(); !begun) return begun.error();
  return LedgerState::ready;
}

// Unreachable is not an error: the host waits for its database. Missing tables are one: somebody has to decide.
core::Result<WiredHost::LedgerState> WiredHost::look_at_ledger(const std::string& name, runtime::Ledger& ledger) {
  const std::string what = name.empty() ? "the ledger" : "the ledger '" + name + "'";
  const auto unreachable = [&] {
    const auto asked = ledger.probe();
    if (asked || !asked.error().code.starts_with("08")) return false;  // whatever else is wrong, it answers
    runtime::log_limited(runtime::LogLevel::warn, "ledger-start" + name, what + " cannot be reached, the host keeps trying: " + asked.error().message);
    return true;
  };
  if (unreachable()) return LedgerState::unreachable;
  store::LedgerOptions options;
  options.answer_timeout = journal_timeout;
  auto migrator = store::open_migrator(name.empty() ? config_.ledger : config_.ledgers.at(name), options);
  if (!migrator) return migrator.error();
  for (const auto& handler : config_.handlers) {
    if (!handler.enabled || handler.migrations.empty() || handler.ledger != name) continue;
    if (auto added = migrator.value()->add_folder(handler.name, handler.migrations); !added) return added.error();
  }
  const auto pending = migrator.value()->plan();
  if (!pending && unreachable()) return LedgerState::unreachable;  // it went away in between
  if (!pending) return pending.error();
  if (!pending->empty()) {
    return core::Error{what + " lacks " + std::to_string(pending->size()) + " migrations (first: " + pending->front().name + " of " + pending->front().owner +
                       "); run `hostler ledger migrate --config " + config_.file + "`"};
  }
  return LedgerState::ready;
}

core::Status<> WiredHost::start_handlers() {
  std::vector<HandlerState> refused;
  for (auto& running : handlers_) {
    const auto& c = running.handler->config();
    if (auto status = running.runtime->start(); !status) {  // the other handlers live
      runtime::log(runtime::LogLevel::error, c.where + ": handler " + c.name + ": " + status.error().message + " (it does not run)");
      refused.push_back({c.name, status.error().message, {}, {}});
      continue;
    }
    runtime::log(runtime::LogLevel::info, "handler " + c.name + ": started: group " + c.group + ", topics " + joined(c.topics) + ", " + std::to_string(c.lanes) + " lanes");
  }
  for (const auto& [name, ledger] : ledgers_) {
    retentions_.push_back(std::make_unique<runtime::Retention>(runtime::RetentionParts{name, *ledger, config_, *observer_}));
    retentions_.back()->start();
  }
  std::vector<RunningHandler> ended;  // outside of the lock
  const std::scoped_lock lock(mutex_);
  for (auto& state : refused) {
    const auto of = std::find_if(handlers_.begin(), handlers_.end(), [&](const auto& h) { return h.handler->config().name == state.name; });
    ended.push_back(std::move(*of));
    handlers_.erase(of);
    failed_.push_back(std::move(state));
  }
  if (handlers_.empty()) return core::Error{config_.file + ": no handler can run; the reasons are logged above"};
  running_ = true;
  return core::Status<>::success();
}

void WiredHost::start_survey() {
  runtime::SurveyParts parts;
  for (const auto& [name, cluster] : clusters_) {
    parts.clusters.push_back({name, cluster.admin, [this, of = name] { return topics_to_watch(of); }});
  }
  for (const auto& [name, ledger] : ledgers_) parts.ledgers.push_back({name, ledger.get()});
  auto survey = std::make_unique<runtime::Survey>(std::move(parts));
  survey->start();
  const std::scoped_lock lock(mutex_);
  survey_ = std::move(survey);
}

// What handlers read, and what they write retries and dead letters to once they have an assignment (it is created then).
std::vector<std::string> WiredHost::topics_to_watch(const std::string& cluster) const {
  std::set<std::string> topics;
  const std::scoped_lock lock(mutex_);
  if (!running_ || stop_) return {};
  for (const auto& running : handlers_) {
    const auto& c = running.handler->config();
    if (c.cluster != cluster) continue;
    for (const auto& topic : c.topics)
      if (!core::is_pattern(topic)) topics.insert(topic);
    for (const auto& partition : running.runtime->source_state().partitions) {
      const auto& topic = partition.topic;
      topics.insert(topic);
      if (auto letters = core::dead_letter_topic(c, topic)) topics.insert(std::move(*letters));
      for (std::uint32_t tier = 0; c.retry.max_retries > 0 && tier < c.retry.delays.size(); ++tier)
        if (auto retries = core::retry_topic(c, topic, tier)) topics.insert(std::move(*retries));
    }
  }
  return {topics.begin(), topics.end()};
}

core::HostHealth WiredHost::health() const {
  core::HostHealth out;
  out.name = config_.name;
  const std::scoped_lock lock(mutex_);
  if (survey_ != nullptr) {
    out.clusters = survey_->clusters();
    out.ledgers = survey_->ledgers();
    out.clock_jump = survey_->clock_jump();
  }
  out.draining = stop_;
  out.starting = !running_ && !stop_;
  for (const auto& running : handlers_) {
    if (!running_) {
      out.handlers.emplace_back().name = running.handler->config().name;
    } else if (!stop_) {
      out.handlers.push_back(running.runtime->health());
    }
  }
  for (const auto& state : failed_) {
    auto& handler = out.handlers.emplace_back();
    handler.name = state.name;
    handler.failed = state.failed;
  }
  return out;
}

void WiredHost::start_later() {
  core::Millis pause = first_pause;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (stopped_.wait_for(lock, pause, [this] { return stop_; })) return;
    }
    pause = std::min(pause * 2, longest_pause);
    const auto state = look_at_ledgers();
    if (state && state.value() == LedgerState::unreachable) continue;
    auto started = state ? start_handlers() : core::Status<>(state.error());
    const std::scoped_lock lock(mutex_);
    if (!started) failure_ = started.error().message;
    return;
  }
}

void WiredHost::drain(core::SteadyTime until) {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  if (starter_.joinable()) starter_.join();
  for (auto& retention : retentions_) retention->ask_to_stop();
  // At once: a broker that does not answer costs each of them seconds.
  std::vector<std::thread> closing;
  for (auto& running : handlers_) {
    closing.emplace_back([runtime = running.runtime.get()] {
      runtime->drain();
      runtime->close();
    });
  }
  for (auto& thread : closing) thread.join();
  retentions_.clear();
  if (survey_ != nullptr) survey_->stop();
  {
    std::vector<RunningHandler> ending;  // outside of the lock: health() is asked meanwhile
    const std::scoped_lock lock(mutex_);
    ending.swap(handlers_);
  }
  for (auto& [name, cluster] : clusters_) cluster.own_admin.reset();
  for (auto& [name, cluster] : clusters_) {
    if (cluster.publisher != nullptr) cluster.publisher->close(until - time_to_end);
  }
  clusters_.clear();
  ledgers_.clear();
}

std::vector<HandlerState> WiredHost::state() const {
  const std::scoped_lock lock(mutex_);
  std::vector<HandlerState> states;
  for (const auto& running : handlers_) {
    HandlerState state;
    state.name = running.handler->config().name;
    state.source = running.runtime->source_state();
    state.retry = running.runtime->retry_state();
    states.push_back(std::move(state));
  }
  states.insert(states.end(), failed_.begin(), failed_.end());
  return states;
}

kafka::ConsumerOptions WiredHost::consumer_options(const core::HandlerConfig& handler) const {
  kafka::ConsumerOptions options;
  const core::KafkaConfig& cluster = config_.cluster_of(handler);
  options.brokers = joined(cluster.brokers);
  options.client_id = cluster.client_id;
  options.properties = handler.kafka;
  // A revocation lets a handler finish, but not for longer than it may take.
  options.revoke_timeout = std::min<core::Millis>(handler.timeout, std::chrono::seconds(20));
  if (handler.effects == core::Effects::kafka) options.transactions.emplace();
  options.log = forward_log;
  return options;
}

std::unique_ptr<runtime::Consumer> WiredHost::make_source(const core::HandlerConfig& handler, runtime::Assignments& assignments) const {
  auto options = consumer_options(handler);
  options.role = kafka::ConsumerOptions::Role::main;
  options.group = handler.group;
  options.topics = handler.topics;
  options.start = handler.start.value_or(core::Start::earliest);
  options.lanes = handler.lanes;
  options.memory_bytes = config_.memory_bytes * 3 / 4 / config_.handlers.size();
  options.assignments = &assignments;
  if (std::any_of(handler.topics.begin(), handler.topics.end(), [](const auto& t) { return core::is_pattern(t); })) {
    options.excluded = core::derived_topic_regexes(config_);
  }
  return std::make_unique<kafka::KafkaConsumer>(std::move(options));
}

std::unique_ptr<runtime::Consumer> WiredHost::make_retry(const core::HandlerConfig& handler, runtime::Assignments& assignments) const {
  auto options = consumer_options(handler);
  options.role = kafka::ConsumerOptions::Role::retry;
  options.group = handler.group + ".retry";
  options.lanes = 1;
  options.memory_bytes = config_.memory_bytes / 4 / config_.handlers.size();
  options.assignments = &assignments;
  std::set<std::string> seen;  // topics share retry topics where the template has no {topic}
  for (const auto& topic : handler.topics) {
    for (std::uint32_t tier = 0; tier < handler.retry.delays.size(); ++tier) {
      auto name = core::retry_topic_pattern(handler, topic, tier);
      if (seen.insert(name).second) options.tiers.push_back({std::move(name), tier, handler.retry.delays[tier].duration});
    }
  }
  return std::make_unique<kafka::KafkaConsumer>(std::move(options));
}

}  // namespace

std::unique_ptr<Host> make_host(const core::HostConfig& config, HostParts parts) { return std::make_unique<WiredHost>(config, std::move(parts)); }

}  // namespace hostler::cli
