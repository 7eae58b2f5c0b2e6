// The files in conf/ load, and conf/hostler.toml tells the truth: it names every key, and the defaults it shows are those
// that the program has.
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "config_text.h"
#include "support/catch.h"

using namespace hostler;
using namespace hostler::testing;
namespace fs = std::filesystem;

namespace {

const fs::path folder = fs::path(HOSTLER_SOURCE_DIR) / "conf";

std::string text_of(const fs::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  REQUIRE(in);
  return text.str();
}

std::string describe(const core::HostConfig& config) {
  std::ostringstream out;
  out << config.name << '|' << config.memory_bytes << '|' << config.log_level << '|' << config.kafka.client_id
      << '|' << config.ledger.max_sessions << '\n';
  for (const core::HandlerConfig& h : config.handlers) {
    out << h.enabled << '|' << int(h.idempotency) << '|' << int(h.on_missing_id) << '|' << int(h.on_sql_error)
        << '|' << h.lanes << '|' << h.timeout.count() << '|' << h.batch.max_records << '|'
        << h.batch.max_wait.count() << '|' << h.retry.max_retries << '|' << h.retry.topic << '|'
        << h.retry.create_topics;
    for (const core::Delay& delay : h.retry.delays) out << '|' << delay.text << '=' << delay.duration.count();
    const core::DeadLetterPolicy& dead = h.dead_letter;
    out << '|' << dead.topic << '|' << int(dead.format) << '|' << dead.create_topics << '|' << dead.partitions
        << '|' << dead.retention.count() << '|' << dead.original_topic_headers << dead.spring_headers << '\n';
  }
  return out.str();
}

} // namespace

TEST_CASE("every file in conf/ loads") {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") continue;
    ++files;
    const Loaded loaded = config::load_config(entry.path().string(), {});
    if (!loaded) FAIL(loaded.error().front().text());
  }
  CHECK(files >= 2);
}

TEST_CASE("conf/hostler.toml names every key in its table") {
  const std::string text = text_of(folder / "hostler.toml");
  std::map<std::string, std::string> tables; // by name without brackets
  std::istringstream lines(text);
  std::string current;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_search(line, match, std::regex(R"(^\[+([a-z_.]+)\]+)"))) {
      current = match[1];
      tables[current];
      if (current.find('.') == std::string::npos) continue;
      const std::size_t dot = current.rfind('.');
      tables[current.substr(0, dot)] += current.substr(dot + 1) + " = \n";
    } else if (std::regex_search(line, match, std::regex(R"(^(# )?(\S+) = )"))) {
      tables[current] += std::string(match[2]) + " = \n";
    }
  }
  for (const std::string& key : config::known_keys()) {
    INFO(key);
    const std::size_t dot = key.rfind('.');
    if (dot == std::string::npos) {
      CHECK((tables.contains(key) || tables.contains(key + ".retry")));
    } else {
      CHECK(tables[key.substr(0, dot)].find(key.substr(dot + 1) + " = ") != std::string::npos);
    }
  }
}

TEST_CASE("the defaults that conf/hostler.toml shows are the defaults") {
  const std::string text = text_of(folder / "hostler.toml");
  std::string uncommented;
  std::istringstream lines(text);
  int changed = 0;
  for (std::string line; std::getline(lines, line);) {
    const bool key = std::regex_search(line, std::regex(R"(^# [a-z_]+ = )"));
    if (key && line.find("default: none") == std::string::npos) {
      line.erase(0, 2);
      ++changed;
    }
    uncommented += line + "\n";
  }
  CHECK(changed > 30);
  const Loaded as_shipped = load(text);
  const Loaded stated = load(uncommented);
  REQUIRE(as_shipped);
  if (!stated) FAIL(stated.error().front().text());
  CHECK(describe(*as_shipped) == describe(*stated));
}

TEST_CASE("the interview platform is configured as its documents say") {
  const Loaded loaded = config::load_config((folder / "interview-platform.toml").string(), {});
  REQUIRE(loaded);
  REQUIRE(loaded->handlers.size() == 3);
  std::map<std::string, core::HandlerConfig> by_name;
  for (const core::HandlerConfig& handler : loaded->handlers) {
    by_name[handler.name] = handler;
    CHECK(handler.plugin == "interview.so");
    CHECK(handler.handler == "interview." + handler.name);
    CHECK(handler.group == handler.name + "-group");
    CHECK(handler.event_id.path == "/eventId");
    CHECK(handler.event_type.path == "/eventType");
    CHECK(handler.retry.max_retries == 3);
    CHECK(handler.dead_letter.topic == "{topic}-dlq");
    CHECK(handler.dead_letter.partitions == 1);
    CHECK(handler.dead_letter.retention == std::chrono::hours(24 * 30));
  }
  CHECK(by_name["user-service"].topics == Lines{"user-events"});
  CHECK(by_name["interview-service"].topics == Lines{"user-events", "interview-events"});
  CHECK(by_name["analytics-service"].topics ==
        Lines{"user-events", "interview-events", "media-events", "auth-events"});
  CHECK(by_name["user-service"].migrations ==
        (fs::path(HOSTLER_SOURCE_DIR) / "plugins/interview/migrations").string());
}
