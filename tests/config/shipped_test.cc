// The files in conf/ load, and conf/hostler.toml tells the truth: it names every key, and the defaults it shows are those
// that the program has.
#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>

#include "config_text.h"
#include "support/catch.h"
#include "support/file.h"

using namespace hostler;
using namespace hostler::testing;
namespace fs = std::filesystem;

namespace {

const fs::path folder = fs::path(HOSTLER_SOURCE_DIR) / "conf";

struct Read {
  Loaded config;
  std::map<std::string, std::string> values; // by key
};
Read read(const std::string& toml) {
  const TempDir place;
  std::vector<config::Setting> settings;
  Loaded loaded = config::load_config(place.write("hostler.toml", toml).string(), {}, &settings);
  std::map<std::string, std::string> values;
  for (const config::Setting& setting : settings) values[setting.key] = setting.value;
  return {std::move(loaded), std::move(values)};
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
    if (std::regex_search(line, match, std::regex(R"(^(# )?\[+([a-z_.]+)\]+)"))) {
      current = match[2];
      tables[current];
      for (std::string name = current; name.find('.') != std::string::npos;) {
        const std::size_t dot = name.rfind('.');
        tables[name.substr(0, dot)] += name.substr(dot + 1) + " = \n";
        name.resize(dot);
      }
    } else if (std::regex_search(line, match, std::regex(R"(^(# )?(\S+) = )"))) {
      tables[current] += std::string(match[2]) + " = \n";
    }
  }
  for (const std::string& key : config::known_keys()) {
    INFO(key);
    const std::size_t dot = key.rfind('.');
    if (dot == std::string::npos) {
      CHECK(tables.contains(key));
    } else {
      CHECK(tables[key.substr(0, dot)].find(key.substr(dot + 1) + " = ") != std::string::npos);
    }
  }
}

TEST_CASE("every key of the table is read") {
  const Read all = read(text_of(folder / "hostler.toml"));
  REQUIRE(all.config);
  const std::vector<std::string> keys = config::known_keys();
  for (const std::string& key : keys) {
    const bool table = std::any_of(keys.begin(), keys.end(), [&](const std::string& other) { return other.starts_with(key + "."); });
    const bool of_free_names = key.ends_with("properties") || key == "handler.kafka" || key == "handler.config" ||
                               key == "kafka.clusters" || key == "ledgers";
    const bool inherited = key.starts_with("defaults.") && !key.starts_with("defaults.topics.");
    if (table || of_free_names || inherited) continue;
    std::string shown = key;
    if (shown.starts_with("handler.")) shown.insert(8, "user-service.");
    INFO(shown);
    CHECK(all.values.contains(shown));
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
  CHECK(changed > 50);
  Read as_shipped = read(text);
  Read stated = read(uncommented);
  REQUIRE(as_shipped.config);
  if (!stated.config) FAIL(stated.config.error().front().text());
  // A folder's name depends on where the packages were built for; event type and plugin's key have no default and are examples.
  for (const char* const key :
       {"host.plugin_dirs", "handler.user-service.event_type", "handler.user-service.config.table"}) {
    as_shipped.values.erase(key);
    stated.values.erase(key);
  }
  for (const auto& [key, value] : as_shipped.values) {
    INFO(key);
    CHECK(stated.values[key] == value);
  }
  CHECK(stated.values.size() == as_shipped.values.size());
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
