// `hostler demo`: everything in one process. A mock cluster, seeded traffic, the real host with the real plugin on SQLite, a live view;
// at the end it waits until every record has its fate and checks that all adds up.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/demo_database.h"
#include "cli/demo_letters.h"
#include "cli/demo_producer.h"
#include "cli/demo_reference.h"
#include "cli/demo_report.h"
#include "cli/demo_setup.h"
#include "cli/demo_stats.h"
#include "cli/demo_view.h"
#include "cli/wire.h"
#include "kafka/mock_cluster.h"
#include "kafka/publisher.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "service/signals.h"

namespace hostler::cli {
namespace {

constexpr core::Millis tick{50}, redraw_every{100}, plain_every{1000};
constexpr core::Millis rate_window = std::chrono::seconds(2);
constexpr core::Millis patience_to_join = std::chrono::seconds(20),
                       patience_to_drain = std::chrono::seconds(60); // without any progress
constexpr std::uint64_t most_letter_bytes =
    3'000'000;                    // of a dead-letter topic, for the same reason as in demo_producer.h
constexpr std::size_t shown = 60; // latest letters and fates that a screen may have room for

// Sends the host's log to a file while it lives: on the terminal it would tear the view apart.
class LogToFile {
 public:
  explicit LogToFile(const std::filesystem::path& file)
      : descriptor_(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
    if (descriptor_ >= 0) runtime::set_log_output(descriptor_, core::LogFormat::human);
  }
  ~LogToFile() {
    runtime::set_log_output(STDERR_FILENO);
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  LogToFile(const LogToFile&) = delete;
  LogToFile& operator=(const LogToFile&) = delete;

 private:
  int descriptor_;
};

// Events per second over the last moments.
class RateMeter {
 public:
  double measure(core::SteadyTime now, std::uint64_t count) {
    points_.emplace_back(now, count);
    while (points_.size() > 2 && now - points_.front().first > rate_window) points_.erase(points_.begin());
    const auto time = std::chrono::duration<double>(now - points_.front().first).count();
    return time < 0.2 ? 0 : static_cast<double>(count - points_.front().second) / time;
  }

 private:
  std::vector<std::pair<core::SteadyTime, std::uint64_t>> points_;
};

class Demo {
 public:
  Demo(const DemoOptions& options, DemoFolder& folder)
      : options_(options), folder_(folder), log_(folder.path() / "hostler.log") {}

  // Everything until the host runs. An error: it cannot.
  core::Status<> set_up();
  // Shows what happens until every record has its fate, patience is over, or somebody insists on the end.
  core::Status<> run();
  // After run(): stops the host and checks.
  core::Result<DemoReport> sum_up();

 private:
  enum class Phase : std::uint8_t { joining, producing, draining, ended };
  [[nodiscard]] bool joined() const;
  bool all_settled();
  core::Status<> step();
  [[nodiscard]] std::string reason_to_end(core::Millis produced_for) const;
  void enter(Phase phase);
  void show();
  DemoFrame frame();
  [[noreturn]] void stop_at_once();

  const DemoOptions options_;
  DemoFolder& folder_;
  LogToFile log_;
  runtime::SystemClock clock_;
  std::unique_ptr<kafka::MockCluster> cluster_;
  std::unique_ptr<kafka::MockAdmin> admin_;
  core::HostConfig config_;
  Reference reference_{demo_subscriptions(), demo_max_retries};
  std::unique_ptr<kafka::KafkaPublisher> publisher_;
  std::unique_ptr<DemoProducer> producer_;
  std::unique_ptr<DemoStats> stats_;
  std::unique_ptr<DeadLetterReader> letters_;
  std::unique_ptr<Host> host_;
  std::unique_ptr<Screen> screen_;
  Phase phase_ = Phase::joining;
  core::SteadyTime phase_since_{}, shown_at_{}, progress_at_{};
  core::Millis produced_for_{0};
  std::uint64_t last_settled_ = 0;
  std::string ended_because_ = "interrupted";
  bool interrupted_ = false;
  std::map<std::string, RateMeter> rates_;
};

core::Status<> Demo::set_up() {
  auto plugin = find_demo_plugin();
  if (!plugin) return plugin.error();
  auto cluster = kafka::MockCluster::create();
  if (!cluster) return cluster.error();
  cluster_ = std::move(*cluster);
  admin_ = std::make_unique<kafka::MockAdmin>(*cluster_);
  std::vector<runtime::TopicSpec> topics;
  std::vector<std::string> letter_topics;
  for (const auto topic : Traffic::topics) {
    topics.push_back({std::string(topic), demo_partitions, 1, {}});
    letter_topics.push_back(demo_dead_letter_topic(topic));
    topics.push_back({letter_topics.back(), 1, 1, {}});
  }
  if (auto created = admin_->create(topics); !created) return created;

  const auto properties = kafka::MockCluster::consumer_properties();
  auto config =
      prepare_demo(demo_toml(cluster_->bootstrap(), properties, *plugin, folder_.path()), folder_.path());
  if (!config) return config.error();
  config_ = std::move(*config);

  kafka::PublisherOptions producing;
  producing.brokers = cluster_->bootstrap();
  producing.client_id = "demo-producer";
  publisher_ = std::make_unique<kafka::KafkaPublisher>(std::move(producing));
  if (auto started = publisher_->start(); !started) return started;
  producer_ = std::make_unique<DemoProducer>(options_, *publisher_, reference_);
  letters_ = std::make_unique<DeadLetterReader>(cluster_->bootstrap(), properties, letter_topics);
  if (auto started = letters_->start(); !started) return started;
  stats_ = std::make_unique<DemoStats>(config_, clock_);
  host_ = make_host(config_, {stats_.get(), admin_.get(), {}});
  if (auto started = host_->start(); !started) return started;
  for (const auto& state : host_->state()) { // a host lives without one of its handlers, a demo shows all of them
    if (!state.failed.empty()) return core::Error{state.failed};
  }
  return core::Status<>::success();
}

core::Status<> Demo::run() {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  std::printf(
      "hostler demo: the AI interview platform on a mock Kafka cluster and SQLite, in this process. "
      "Configuration: %s\n",
      config_.file.c_str());
  std::fflush(stdout);
  if (terminal && !options_.plain) screen_ = std::make_unique<Screen>();
  enter(Phase::joining);
  while (phase_ != Phase::ended) {
    if (auto stepped = step(); !stepped) {
      screen_.reset();
      return stepped;
    }
    show();
    if (service::wait_signal(tick) != service::Signal::terminate) continue;
    if (interrupted_) stop_at_once();
    interrupted_ = true;
  }
  screen_.reset();
  return core::Status<>::success();
}

core::Status<> Demo::step() {
  const auto in_phase = std::chrono::duration_cast<core::Millis>(clock_.steady() - phase_since_);
  if (const auto failure = host_->failure(); !failure.empty()) return core::Error{failure};
  switch (phase_) {
    case Phase::joining:
      if (interrupted_)
        enter(Phase::draining);
      else if (joined())
        enter(Phase::producing);
      else if (in_phase > patience_to_join)
        return core::Error{"the handlers did not join their groups in the mock cluster"};
      break;
    case Phase::producing:
      produced_for_ = options_.duration ? std::min(in_phase, *options_.duration) : in_phase;
      if (auto produced = producer_->produce_until(produced_for_, clock_.now()); !produced) return produced;
      ended_because_ = reason_to_end(in_phase);
      if (!ended_because_.empty()) enter(Phase::draining);
      break;
    case Phase::draining:
      if (all_settled() || clock_.steady() - std::max(progress_at_, phase_since_) > patience_to_drain)
        enter(Phase::ended);
      break;
    case Phase::ended: break;
  }
  return core::Status<>::success();
}

// Why producing ends now; empty if it goes on.
std::string Demo::reason_to_end(core::Millis produced_for) const {
  if (interrupted_) return "interrupted";
  if (options_.duration && produced_for >= *options_.duration) return "the time is over";
  const bool letters_full =
      std::any_of(Traffic::topics.begin(), Traffic::topics.end(), [&](std::string_view topic) {
        return letters_->bytes(demo_dead_letter_topic(topic)) > most_letter_bytes;
      });
  return producer_->full() || letters_full ? "the mock cluster has no room for more" : "";
}

void Demo::enter(Phase phase) {
  phase_ = phase;
  phase_since_ = clock_.steady();
}

bool Demo::joined() const {
  const auto states = host_->state();
  return std::all_of(states.begin(), states.end(),
                     [](const HandlerState& s) { return s.source.joined && s.source.waiting_for.empty(); });
}

// Every record has its fate, and every letter was seen in its topic.
bool Demo::all_settled() {
  const auto counts = stats_->snapshot();
  std::uint64_t settled = letters_->count(), wanted = 0;
  for (const auto& [name, of_handler] : counts.handlers) {
    settled += of_handler.settled();
    wanted += producer_->produced_for(name) + of_handler.ended(core::Outcome::dead);
  }
  if (settled != last_settled_) progress_at_ = clock_.steady();
  last_settled_ = settled;
  return settled >= wanted;
}

DemoFrame Demo::frame() {
  static constexpr std::array<const char*, 4> phases = {"joining groups", "producing", "draining", "ended"};
  const auto counts = stats_->snapshot();
  const auto steady = clock_.steady();
  DemoFrame f;
  f.phase = phases[static_cast<std::size_t>(phase_)];
  f.elapsed = produced_for_;
  f.duration = options_.duration;
  f.produced = producer_->produced();
  f.rate = rates_[""].measure(steady, f.produced);
  for (const auto& [name, of_handler] : counts.handlers) {
    HandlerFrame h{name, of_handler, 0, rates_[name].measure(steady, of_handler.read())};
    const auto produced = producer_->produced_for(name);
    h.lag = produced - std::min(produced, of_handler.read());
    f.handlers.push_back(std::move(h));
  }
  f.waiting = counts.waiting;
  f.letters = letters_->latest(shown);
  f.letter_count = letters_->count();
  f.fates.assign(counts.fates.end() - static_cast<std::ptrdiff_t>(std::min(shown, counts.fates.size())),
                 counts.fates.end());
  f.now = clock_.now();
  return f;
}

void Demo::show() {
  const auto now = clock_.steady();
  if (now - shown_at_ < (screen_ ? redraw_every : plain_every)) return;
  shown_at_ = now;
  const auto f = frame();
  if (screen_) return screen_->draw(render(f, Screen::size()));
  std::printf("%s\n", plain_line(f).c_str());
  std::fflush(stdout);
}

core::Result<DemoReport> Demo::sum_up() {
  host_->drain(clock_.steady() + config_.drain_timeout);
  letters_->stop();
  const auto counts = stats_->snapshot();
  host_.reset(); // gives the database back

  std::printf("\n%llu records in %.0f s (seed %llu); producing ended: %s\n",
              static_cast<unsigned long long>(producer_->produced()),
              static_cast<double>(produced_for_.count()) / 1000,
              static_cast<unsigned long long>(options_.seed), ended_because_.c_str());
  DemoFacts facts;
  facts.expected_letters = reference_.letters();
  facts.letters = letters_->letters();
  for (const auto& handler : config_.handlers) {
    HandlerFacts h{
        handler.name, producer_->produced_for(handler.name), counts.handlers.at(handler.name), {}, {}, {}};
    if (const auto found = reference_.outcomes().find(handler.name); found != reference_.outcomes().end())
      h.expected = found->second;
    facts.handlers.push_back(std::move(h));
  }
  for (const auto& table : Reference::tables())
    facts.tables.push_back({table.name, reference_.rows(table.name), {}});
  if (auto read = read_database(config_.ledger, facts); !read) return read.error();
  return make_report(facts);
}

// The second signal: no summary.
void Demo::stop_at_once() {
  if (screen_) screen_->restore();
  std::fputs("hostler demo: stopped at once, without a summary\n", stderr);
  std::error_code ignored;
  std::filesystem::remove_all(folder_.path(), ignored);
  std::_Exit(exit_not_fine);
}

int complain(const std::string& what, DemoFolder& folder) {
  folder.keep();
  std::fprintf(stderr, "hostler demo: %s\nConfiguration, database and log are in %s\n",
               printable(what).c_str(), folder.path().c_str());
  return exit_not_fine;
}

} // namespace

int run_demo(const DemoOptions& options) {
  service::block_signals();
  auto folder = DemoFolder::create();
  if (!folder) {
    std::fprintf(stderr, "hostler demo: %s\n", folder.error().message.c_str());
    return exit_not_fine;
  }
  Demo demo(options, *folder);
  if (auto ready = demo.set_up(); !ready) return complain(ready.error().message, *folder);
  if (auto ran = demo.run(); !ran) return complain(ran.error().message, *folder);
  auto report = demo.sum_up();
  if (!report) return complain(report.error().message, *folder);
  for (const auto& line : report->lines) std::printf("%s\n", printable(line).c_str());
  std::fflush(stdout);
  if (report->adds_up()) return exit_fine;
  return complain("the summary does not add up, see above", *folder);
}

} // namespace hostler::cli
