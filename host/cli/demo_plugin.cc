// `hostler demo --plugin FILE`: somebody's own plugin live, on the demo's mock cluster and a SQLite ledger in a temporary folder, with a
// file's records sent round and round. A line a second; at the end every record that was sent must have its fate.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/database.h"
#include "cli/demo_setup.h"
#include "cli/demo_stats.h"
#include "cli/plugin_test_records.h"
#include "cli/wire.h"
#include "config/load_config.h"
#include "kafka/mock_cluster.h"
#include "kafka/publisher.h"
#include "plugin/inspection.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "service/signals.h"

namespace hostler::cli {
namespace {

namespace fs = std::filesystem;

constexpr core::Millis tick{50};
constexpr core::Millis patience_to_join = std::chrono::seconds(30),
                       patience_to_drain = std::chrono::seconds(30);
constexpr std::uint64_t most_partition_bytes =
    4'000'000; // the mock cluster keeps 5 MB and forgets in silence

// What runs without a --config: the plugin's first handler on the topic "demo".
core::Result<std::string> sample_toml(const std::string& file, const fs::path& folder) {
  const auto found = plugin::inspect_plugin(file, {});
  if (!found.problems.empty()) return core::Error{file + ": " + found.problems.front()};
  return "[ledger]\nurl = \"sqlite://" + (folder / "ledger.db").string() +
         "\"\n[[handler]]\nname = \"demo\"\nplugin = \"" + found.path + "\"\nhandler = \"" +
         found.description->handlers.front().id +
         "\"\ntopics = [\"demo\"]\ngroup = \"demo\"\nstart = \"earliest\"\nidempotency = \"offset\"\n";
}

std::vector<TestRecord> sample_records(const std::string& topic) {
  constexpr int count = 20;
  std::vector<TestRecord> records;
  for (int i = 0; i < count; ++i) {
    TestRecord record;
    record.where.topic = topic;
    record.key = "key-" + std::to_string(i % 5);
    record.value =
        R"({"eventId": "event-)" + std::to_string(i) + R"(", "number": )" + std::to_string(i) + "}";
    records.push_back(std::move(record));
  }
  return records;
}

core::Result<core::HostConfig> load(const DemoOptions& options, const fs::path& folder,
                                    const std::string& brokers) {
  std::string file = options.config;
  if (file.empty()) {
    auto toml = sample_toml(options.plugin, folder);
    if (!toml) return toml.error();
    file = (folder / "hostler.toml").string();
    std::ofstream out(file);
    if (!(out << *toml << std::flush)) return core::Error{file + ": cannot be written"};
  }
  auto environment = config::process_environment();
  environment["KAFKA_BROKERS"] = brokers;
  auto loaded = config::load_config(file, environment);
  if (!loaded) return core::Error{loaded.error().front().text()};
  core::HostConfig config = std::move(*loaded);
  // Whatever the file says: this cluster, this database, this plugin.
  const auto properties = kafka::MockCluster::consumer_properties();
  config.kafka.brokers = {brokers};
  config.kafka.properties = properties;
  config.ledger = {};
  config.ledger.url = "sqlite://" + (folder / "ledger.db").string();
  std::error_code failed;
  const auto library = fs::absolute(options.plugin, failed);
  std::erase_if(config.handlers, [&](const core::HandlerConfig& h) {
    return fs::path(h.plugin).filename() != library.filename();
  });
  if (config.handlers.empty())
    return core::Error{file + ": has no [[handler]] with plugin = \"" + library.filename().string() +
                       "\"; name the plugin there, or leave --config out"};
  for (auto& handler : config.handlers) {
    handler.plugin = library.string();
    handler.kafka = properties;
    handler.cluster.clear();
    handler.ledger.clear();
    if (handler.effects == core::Effects::kafka)
      return core::Error{handler.where + ": handler " + handler.name +
                         " has effects = \"kafka\", and the demo's mock cluster has no real transactions; leave it out to see the rest"};
    const bool pattern = std::any_of(handler.topics.begin(), handler.topics.end(),
                                     [](const std::string& t) { return t.find('*') != std::string::npos; });
    if (pattern)
      return core::Error{handler.where + ": the demo makes topics by their names; give handler " +
                         handler.name + " names instead of patterns"};
  }
  return config;
}

class PluginDemo {
 public:
  PluginDemo(const DemoOptions& options, const DemoFolder& folder) : options_(options), folder_(folder) {}
  core::Status<> set_up();
  core::Status<> run();
  // Whether every record that was sent has its fate; prints the summary.
  bool sum_up();

 private:
  core::Status<> send(core::Millis since_start);
  [[nodiscard]] std::uint64_t read() const;
  void print_line(const std::string& when) const;

  const DemoOptions& options_;
  const DemoFolder& folder_;
  runtime::SystemClock clock_;
  std::unique_ptr<kafka::MockCluster> cluster_;
  std::unique_ptr<kafka::MockAdmin> admin_;
  core::HostConfig config_;
  std::vector<TestRecord> records_;
  std::unique_ptr<kafka::KafkaPublisher> publisher_;
  std::unique_ptr<DemoStats> stats_;
  std::unique_ptr<Host> host_;
  std::map<std::string, std::uint64_t> readers_; // handlers of each topic
  std::map<core::TopicPartition, std::uint64_t> bytes_;
  std::uint64_t sent_ = 0, to_read_ = 0; // a record of two handlers is read twice
  bool full_ = false;
};

core::Status<> PluginDemo::set_up() {
  auto cluster = kafka::MockCluster::create();
  if (!cluster) return cluster.error();
  cluster_ = std::move(*cluster);
  admin_ = std::make_unique<kafka::MockAdmin>(*cluster_);
  auto config = load(options_, folder_.path(), cluster_->bootstrap());
  if (!config) return config.error();
  config_ = std::move(*config);
  std::vector<runtime::TopicSpec> topics;
  for (const auto& handler : config_.handlers) {
    for (const auto& topic : handler.topics) {
      if (++readers_[topic] == 1) topics.push_back({topic, demo_partitions, 1, {}});
    }
  }
  if (auto created = admin_->create(topics); !created) return created;

  if (options_.records.empty()) {
    records_ = sample_records(config_.handlers.front().topics.front());
  } else {
    auto read = read_records(options_.records);
    if (!read) return read.error();
    records_ = std::move(*read);
  }
  for (const auto& record : records_) {
    if (!readers_.contains(record.where.topic))
      return core::Error{options_.records + ": has records of topic " + record.where.topic +
                         ", which no handler of this plugin reads"};
  }
  for (const auto& database : databases_of(config_)) {
    auto migrator = open_database(config_, database, false);
    if (!migrator) return core::Error{migrator.error().message};
    if (auto applied = (*migrator)->apply(); !applied) return applied.error();
  }

  kafka::PublisherOptions producing;
  producing.brokers = cluster_->bootstrap();
  producing.client_id = "demo-producer";
  publisher_ = std::make_unique<kafka::KafkaPublisher>(std::move(producing));
  if (auto started = publisher_->start(); !started) return started;
  stats_ = std::make_unique<DemoStats>(config_, clock_);
  host_ = make_host(config_, {stats_.get(), admin_.get(), {}});
  if (auto started = host_->start(); !started) return started;
  for (const auto& state : host_->state()) {
    if (!state.failed.empty()) return core::Error{state.failed};
  }
  return core::Status<>::success();
}

// What is due by now, at --rate, round and round.
core::Status<> PluginDemo::send(core::Millis since_start) {
  constexpr std::size_t most_at_once = 500;
  const auto due = static_cast<std::uint64_t>(since_start.count()) * options_.rate / 1000;
  std::vector<runtime::OutRecord> out;
  while (!full_ && sent_ + out.size() < due && out.size() < most_at_once) {
    const TestRecord& from = records_[(sent_ + out.size()) % records_.size()];
    runtime::OutRecord record;
    record.topic = from.where.topic;
    record.partition = core::Partition{from.where.partition.value % demo_partitions};
    record.key = from.key ? core::Bytes(*from.key) : core::Bytes();
    record.value = from.value ? core::Bytes(*from.value) : core::Bytes();
    record.headers = from.headers;
    record.timestamp_ms = core::to_epoch_ms(clock_.now());
    constexpr std::uint64_t overhead = 200;
    auto& bytes = bytes_[{record.topic, *record.partition}];
    bytes += record.key.size + record.value.size + overhead;
    full_ = bytes > most_partition_bytes;
    out.push_back(std::move(record));
  }
  if (out.empty()) return core::Status<>::success();
  if (const auto failures = publisher_->publish(out); !failures.empty())
    return core::Error{"the mock cluster refuses a record: " + failures.front().message};
  for (const auto& record : out) to_read_ += readers_[record.topic];
  sent_ += out.size();
  return core::Status<>::success();
}

std::uint64_t PluginDemo::read() const {
  std::uint64_t sum = 0;
  for (const auto& [name, counts] : stats_->snapshot().handlers) sum += counts.read();
  return sum;
}

void PluginDemo::print_line(const std::string& when) const {
  std::printf("%6s  sent %llu", when.c_str(), static_cast<unsigned long long>(sent_));
  for (const auto& [name, counts] : stats_->snapshot().handlers) {
    std::printf("  %s:", name.c_str());
    for (std::size_t i = 0; i < counts.source.size(); ++i) {
      if (const auto n = counts.source.at(i) + counts.retry.at(i); n != 0)
        std::printf(" %s %llu", std::string(core::to_text(static_cast<core::Outcome>(i))).c_str(),
                    static_cast<unsigned long long>(n));
    }
    if (!counts.paused_because.empty())
      std::printf(" (paused: %s)", plugin::one_line(counts.paused_because, 200).c_str());
  }
  std::printf("\n");
  std::fflush(stdout);
}

core::Status<> PluginDemo::run() {
  const auto joined = [&] {
    const auto states = host_->state();
    return std::all_of(states.begin(), states.end(),
                       [](const HandlerState& s) { return s.source.joined && s.source.waiting_for.empty(); });
  };
  const auto since = [&](core::SteadyTime then) {
    return std::chrono::duration_cast<core::Millis>(clock_.steady() - then);
  };
  const auto began = clock_.steady();
  bool interrupted = false;
  while (!joined() && !interrupted) {
    if (since(began) > patience_to_join)
      return core::Error{"the handlers did not join their groups in the mock cluster"};
    interrupted = service::wait_signal(tick) == service::Signal::terminate;
  }
  const auto start = clock_.steady();
  core::Millis next_line{1000};
  while (!interrupted && !full_ && (!options_.duration || since(start) < *options_.duration)) {
    if (const auto failure = host_->failure(); !failure.empty()) return core::Error{failure};
    if (auto sent = send(since(start)); !sent) return sent;
    if (since(start) >= next_line) {
      print_line(std::to_string(since(start).count() / 1000) + " s");
      next_line += std::chrono::seconds(1);
    }
    interrupted = service::wait_signal(tick) == service::Signal::terminate;
  }
  if (full_) std::puts("the mock cluster has no room for more");
  for (const auto end = clock_.steady(); read() < to_read_ && since(end) < patience_to_drain;) {
    if (service::wait_signal(tick) == service::Signal::terminate) break;
  }
  return core::Status<>::success();
}

bool PluginDemo::sum_up() {
  host_->drain(clock_.steady() + config_.drain_timeout);
  print_line("all");
  const auto counts = stats_->snapshot();
  constexpr int most_shown = 10;
  int shown = 0;
  for (const auto& fate : counts.fates) {
    if (fate.outcome == core::Outcome::duplicate || ++shown > most_shown)
      continue; // round and round makes many of these
    std::printf("%s  %s  %s\n", fate.handler.c_str(), fate.place.c_str(),
                plugin::one_line(fate.text, 200).c_str());
  }
  const bool all = read() >= to_read_;
  std::printf("%llu records sent, %s\n", static_cast<unsigned long long>(sent_),
              all ? "each has its fate" : "NOT all have their fate");
  return all;
}

} // namespace

int run_plugin_demo(const DemoOptions& options) {
  service::block_signals();
  runtime::set_log_level(runtime::LogLevel::warn);
  auto folder = DemoFolder::create();
  const auto complain = [](const std::string& what) {
    std::fprintf(stderr, "hostler demo: %s\n", what.c_str());
    return exit_not_fine;
  };
  if (!folder) return complain(folder.error().message);
  PluginDemo demo(options, *folder);
  if (auto ready = demo.set_up(); !ready) return complain(ready.error().message);
  if (auto ran = demo.run(); !ran) return complain(ran.error().message);
  return demo.sum_up() ? exit_fine : exit_not_fine;
}

} // namespace hostler::cli
