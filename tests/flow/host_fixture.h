// The world of one test of the record's way: topics and a database schema of its own, configurations, hosts in processes of
// their own, and what is left behind in Kafka and PostgreSQL. One object belongs to one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/env.h"
#include "support/kafka_client.h"
#include "support/postgres.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "support/wait.h"

namespace hostler::flow {

using namespace hostler::testing;

// A TOML string.
[[nodiscard]] std::string toml_text(std::string_view text);
[[nodiscard]] std::string toml_list(const std::vector<std::string>& texts);

// One [[handler]] table: keys (dotted for what lies in its sub-tables) and their values as TOML text.
class HandlerToml {
 public:
  HandlerToml& set(const std::string& key, const std::string& value) { return keys_[key] = value, *this; }
  HandlerToml& text(const std::string& key, std::string_view value) { return set(key, toml_text(value)); }
  HandlerToml& without(const std::string& key) { return keys_.erase(key), *this; }
  [[nodiscard]] std::string toml() const;

 private:
  std::map<std::string, std::string> keys_;
};

// `hostler run` as a child. What it printed is shown when the test that owns it fails by an exception or a REQUIRE.
class Host {
 public:
  // `env` is added to the host's environment.
  explicit Host(const std::filesystem::path& config, std::map<std::string, std::string> env = {},
                const std::string& program = HOSTLER_BINARY);
  ~Host();
  Host(Host&&) = default;
  Host& operator=(Host&&) = delete;

  // Waits until it says that it is ready; throws with the output when that takes too long.
  Host& ready(std::chrono::milliseconds patience = std::chrono::seconds(30));
  // SIGTERM; the exit code.
  int leave(std::chrono::milliseconds patience = std::chrono::seconds(30)) {
    return process_.terminate(patience).code;
  }
  void kill_hard() { process_.kill_hard(); }
  [[nodiscard]] bool running() { return process_.running(); }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  [[nodiscard]] std::string output() const { return process_.output(); }
  // Of its health and metrics; waits until it is open.
  [[nodiscard]] std::uint16_t port();
  // How many lines of the output hold `text`.
  [[nodiscard]] int lines_with(std::string_view text) const;
  Process& process() { return process_; }

 private:
  Process process_;
};

// A row of the effects table. It has no unique key: what is handled twice is there twice.
struct Effect {
  std::string event_id;
  std::string topic;
  std::int64_t part = 0;
  std::int64_t off = 0;
  OptionalBytes body;
  friend auto operator<=>(const Effect&, const Effect&) = default;
  friend bool operator==(const Effect&, const Effect&) = default;
};

// A line that flow_probe.so wrote.
struct Delivery {
  std::string event_id;
  int attempt = 0;
  std::int64_t at_ms = 0;
  pid_t pid = 0;
};

class World {
 public:
  // On the servers that all tests share, unless others are named.
  explicit World(std::string server_url = postgres_url(), std::string bootstrap = kafka_bootstrap());

  // Names of this test: topics, groups, hosts.
  [[nodiscard]] std::string name(std::string_view text) const { return prefix_ + std::string(text); }
  [[nodiscard]] std::string group() const { return name("group"); }
  [[nodiscard]] const std::string& bootstrap() const { return bootstrap_; }
  [[nodiscard]] const std::string& schema() const { return schema_.name(); }
  [[nodiscard]] const TempDir& folder() const { return folder_; }
  [[nodiscard]] KafkaClient& kafka() { return kafka_; }
  [[nodiscard]] Postgres& db();
  void reconnect() { db_.reset(); } // after the database was away
  // Configurations written from now on name this broker.
  void hosts_use(const std::string& bootstrap) { hosts_bootstrap_ = bootstrap; }
  // … and this database as their ledger.
  void hosts_settle_in(const std::string& url) { ledger_url_ = url; }
  // … and log in with these lines in [kafka].
  void hosts_log_in(const std::string& lines) { login_ = lines; }

  std::string topic(std::string_view text = "events", int partitions = 1,
                    const std::map<std::string, std::string>& config = {});

  // sql.effects in this test's group, ids from the header event-id; retries after 1, 2 and 4 s.
  [[nodiscard]] HandlerToml handler(const std::vector<std::string>& topics) const;
  // The same with a handler of flow_probe.so that writes a journal; `output` only for probe.bare.
  [[nodiscard]] HandlerToml probe(const std::string& handler, const std::vector<std::string>& topics,
                                  const std::string& output = "") const;
  // Writes a host's configuration; its state is kept in the folder state-NAME of this test's. `properties` go to [kafka.properties].
  std::filesystem::path config(const std::vector<HandlerToml>& handlers,
                               const std::string& host_name = "flow",
                               const std::map<std::string, std::string>& properties = {});
  // `hostler ledger migrate`, and the effects table.
  void migrate(const std::filesystem::path& config);
  void make_effects_table(const std::string& table = "effects");
  // For probe.effects with `config.accounts`: a hundred for each of 20 partitions, with nothing on them.
  void make_accounts();

  [[nodiscard]] std::vector<Effect> effects(const std::string& table = "effects"); // sorted
  [[nodiscard]] long long effect_count(const std::string& table = "effects");
  [[nodiscard]] std::vector<Delivery> deliveries() const;

  [[nodiscard]] std::string retry_topic(const std::string& topic, const std::string& delay) const {
    return topic + "." + group() + ".retry." + delay;
  }
  [[nodiscard]] std::string dead_letter_topic(const std::string& topic) const {
    return topic + "." + group() + ".dlq";
  }
  // Empty when there is no such topic.
  [[nodiscard]] std::vector<KafkaRecord> read(const std::string& topic);
  [[nodiscard]] std::vector<KafkaRecord> letters(const std::string& topic) {
    return read(dead_letter_topic(topic));
  }

  // Everything in the topics is settled: no lag, no record on its way through the retries.
  [[nodiscard]] bool settled(const std::vector<std::string>& topics);
  [[nodiscard]] bool settles(const std::vector<std::string>& topics, std::chrono::milliseconds patience);

 private:
  const std::string prefix_ = unique_prefix();
  const std::string bootstrap_;
  std::string hosts_bootstrap_ = bootstrap_;
  TempDir folder_;
  PostgresSchema schema_;
  std::string ledger_url_ = schema_.url();
  std::string login_;
  KafkaClient kafka_;
  std::unique_ptr<Postgres> db_;
};

// A record with its id in the header event-id and its id as key.
[[nodiscard]] KafkaRecord event(const std::string& id, const std::string& value);

// What must come out of a topic's records by the rules of steering.h, found from what lies in the topic alone.
struct Reference {
  std::vector<Effect> effects; // sorted
  std::set<std::string> dead;  // event ids
};
[[nodiscard]] Reference reference(const std::string& topic, const std::vector<KafkaRecord>& records,
                                  int max_retries = 3);

// What differs between two sorted lists of effects, for a failing test's message; empty when nothing does.
[[nodiscard]] std::string difference(const std::vector<Effect>& found, const std::vector<Effect>& expected);

[[nodiscard]] std::int64_t now_ms();

} // namespace hostler::flow
