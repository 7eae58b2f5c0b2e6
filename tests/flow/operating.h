// What an operator types, and what a database looked like before. Part of the tests of the operators' commands.
#pragma once

#include <string>
#include <vector>

#include "flow/host_fixture.h"
#include "support/http.h"

namespace hostler::flow {

// `hostler WORDS --config FILE`, to its end.
[[nodiscard]] inline Finished operate(const std::filesystem::path& config, std::vector<std::string> words) {
  words.insert(words.begin(), HOSTLER_BINARY);
  words.insert(words.end(), {"--config", config.string()});
  return run(std::move(words));
}

[[nodiscard]] inline std::vector<KafkaRecord> good_events(const std::string& name, int count, int partition = -1) {
  std::vector<KafkaRecord> records;
  for (int i = 0; i < count; ++i) {
    records.push_back(event(name + "-" + std::to_string(i), "value of " + name));
    records.back().partition = partition;
  }
  return records;
}

[[nodiscard]] inline long long effects_of(World& world, const std::string& name) {
  return world.db().number("SELECT count(*) FROM effects WHERE event_id LIKE '" + name + "-%'");
}

// Of its pages: what /readyz says, and the code before it.
[[nodiscard]] inline std::string readiness(Host& host) {
  const auto reply = http_get(host.port(), "/readyz");
  return std::to_string(reply.status) + " " + reply.body;
}

[[nodiscard]] inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The tables as they were when this was made, in a schema of their own.
class Backup {
 public:
  explicit Backup(World& world) : world_(world) {
    for (const auto* table : tables) world_.db().exec(std::string("CREATE TABLE backup_") + table + " AS TABLE " + table);
  }
  void restore() {
    for (const auto* table : tables) world_.db().exec(std::string("TRUNCATE ") + table + "; INSERT INTO " + table + " TABLE backup_" + table);
  }

 private:
  static constexpr const char* tables[] = {"processed_events", "hostler_mark", "hostler_delegated", "effects"};
  World& world_;
};

}  // namespace hostler::flow
