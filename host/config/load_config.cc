#include "config/load_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "config/document.h"
#include "config/handler.h"
#include "config/kafka_properties.h"
#include "config/schema.h"
#include "config/section.h"

namespace hostler::config {
namespace {

using core::HostConfig;

constexpr std::array<const char*, 7> variable_names = {
    "KAFKA_BROKERS",     "KAFKA_CLIENT_ID", "KAFKA_SESSION_TIMEOUT", "KAFKA_HEARTBEAT_INTERVAL",
    "KAFKA_MAX_RETRIES", "LOG_LEVEL",       "KAFKA_AUTO_COMMIT"};
constexpr Section::Choice<std::string_view> log_levels[] = {
    {"debug", "debug"}, {"info", "info"}, {"warn", "warn"}, {"error", "error"}};

// The environment's values, used where the files state nothing.
class Variables {
 public:
  Variables(const Environment& environment, Problems& problems)
      : environment_(environment), problems_(problems) {}

  // nullptr if it is not set, or empty.
  [[nodiscard]] const std::string* get(const char* name) const {
    const auto found = environment_.find(name);
    return found == environment_.end() || found->second.empty() ? nullptr : &found->second;
  }
  [[nodiscard]] std::optional<std::uint32_t> number(const char* name, std::uint32_t least,
                                                    std::uint32_t most) const {
    const std::string* const text = get(name);
    if (text == nullptr) return std::nullopt;
    std::uint32_t value = 0;
    const char* const end = text->data() + text->size();
    const auto [stop, failure] = std::from_chars(text->data(), end, value);
    if (failure == std::errc() && stop == end && value >= least && value <= most) return value;
    wrong(name,
          "is " + in_quotes(*text) + "; it can be " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }
  void wrong(const char* name, const std::string& what) const {
    problems_.add({"environment", 0, 0, std::string(name) + " " + what});
  }

 private:
  const Environment& environment_;
  Problems& problems_;
};

bool is_broker(std::string_view broker) {
  if (const std::size_t scheme = broker.find("://"); scheme != std::string_view::npos)
    broker.remove_prefix(scheme + 3);
  if (broker.empty() || broker.size() > 300 || broker.find_first_of(" ,;/\t\n\"'") != std::string_view::npos)
    return false;
  const std::size_t colon = broker.rfind(':');
  if (colon == std::string_view::npos || broker.back() == ']') return true;
  const std::string_view port = broker.substr(colon + 1);
  unsigned value = 0;
  const auto [stop, failure] = std::from_chars(port.data(), port.data() + port.size(), value);
  return colon > 0 && failure == std::errc() && stop == port.data() + port.size() && value >= 1 &&
         value <= 65535;
}

void read_host(const Section& section, const Variables& variables, HostConfig& config) {
  section.read("name", config.name);
  section.read_size("memory", config.memory_bytes, 16ULL << 20U, 1ULL << 40U);
  std::vector<Section::Text> folders;
  if (section.read("plugin_dirs", folders)) {
    for (const Section::Text& folder : folders) config.plugin_dirs.push_back(beside(folder.at, folder.text));
  } else if (!section.stated("plugin_dirs")) {
    config.plugin_dirs = {"/usr/local/lib/hostler/plugins",
                          "/usr/lib/" HOSTLER_LIBRARY_ARCHITECTURE "/hostler/plugins"};
  }
  std::string_view level = config.log_level;
  const std::string* const variable = variables.get("LOG_LEVEL");
  if (variable != nullptr) {
    std::string lower = *variable;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c; });
    if (lower == "warning") lower = "warn";
    const auto* const known = std::find_if(std::begin(log_levels), std::end(log_levels),
                                           [&](const auto& choice) { return choice.word == lower; });
    if (known == std::end(log_levels)) {
      variables.wrong("LOG_LEVEL", "is " + in_quotes(*variable) + "; it can be debug, info, warn or error");
    } else if (!section.stated("log_level")) {
      level = known->value;
      config.from_environment.emplace_back("LOG_LEVEL");
    }
  }
  section.read("log_level", level, log_levels);
  config.log_level = level;
}

void read_brokers(const Section& section, const Variables& variables, HostConfig& config) {
  std::vector<Section::Text> brokers;
  if (section.read("brokers", brokers)) {
    if (brokers.empty()) section.wrong("brokers", "is empty; for example brokers = [\"localhost:9092\"]");
    for (const Section::Text& broker : brokers) {
      config.kafka.brokers.push_back(broker.text);
      if (!is_broker(broker.text))
        section.problems().add(broker.at, "'brokers': " + in_quotes(broker.text) + " is not host:port");
    }
    return;
  }
  if (section.stated("brokers")) return;
  const std::string* const variable = variables.get("KAFKA_BROKERS");
  if (variable == nullptr)
    return section.missing("brokers", "for example brokers = [\"localhost:9092\"], or set KAFKA_BROKERS");
  config.from_environment.emplace_back("KAFKA_BROKERS");
  for (std::size_t from = 0; from <= variable->size();) {
    const std::size_t comma = std::min(variable->find(',', from), variable->size());
    std::string broker = variable->substr(from, comma - from);
    std::erase(broker, ' ');
    if (!is_broker(broker))
      return variables.wrong("KAFKA_BROKERS", "has " + in_quotes(broker) +
                                                  ", which is not host:port; write host:port,host:port");
    config.kafka.brokers.push_back(broker);
    from = comma + 1;
  }
}

void read_kafka(const Section& section, const Variables& variables, HostConfig& config, Problems& problems) {
  read_brokers(section, variables, config);
  const std::string* const client = variables.get("KAFKA_CLIENT_ID");
  if (client != nullptr && !section.stated("client_id")) {
    config.kafka.client_id = *client;
    config.from_environment.emplace_back("KAFKA_CLIENT_ID");
  }
  section.read("client_id", config.kafka.client_id);

  if (const std::string* const automatic = variables.get("KAFKA_AUTO_COMMIT");
      automatic != nullptr && *automatic != "false") {
    variables.wrong("KAFKA_AUTO_COMMIT",
                    "can only be false: the host commits an offset after its record is settled");
  }
  const Node* const table = section.find("properties");
  core::Properties stated;
  read_properties(table, "[kafka.properties]", stated, problems);
  constexpr std::uint32_t day = 86'400'000;
  constexpr std::array<std::pair<const char*, const char*>, 2> timeouts = {
      {{"KAFKA_SESSION_TIMEOUT", "session.timeout.ms"},
       {"KAFKA_HEARTBEAT_INTERVAL", "heartbeat.interval.ms"}}};
  for (const auto& [variable, property] : timeouts) {
    const auto millis = variables.number(variable, 1, day);
    if (!millis || !stated.emplace(property, std::to_string(*millis)).second) continue;
    config.from_environment.emplace_back(variable);
  }
  check_properties(stated, table != nullptr ? table->at : section.at(), problems);
  config.kafka.properties = std::move(stated);
}

void read_ledger(const Section& section, HostConfig& config) {
  section.read("max_sessions", config.ledger.max_sessions, 1, 10'000);
  std::string url;
  if (!section.read("url", url)) return;
  // The address may hold a password: it is never repeated.
  constexpr std::string_view sqlite = "sqlite://";
  const bool postgresql = (url.starts_with("postgresql://") && url.size() > 13) ||
                          (url.starts_with("postgres://") && url.size() > 11);
  const bool file = url.starts_with(sqlite) && url.size() > sqlite.size() + 1 && url[sqlite.size()] == '/';
  if (!postgresql && !file) {
    section.wrong("url",
                  "must be \"postgresql://user@host/database\" or, with the file's absolute path, "
                  "\"sqlite:///var/lib/hostler/ledger.db\"");
  }
  config.ledger.url = std::move(url);
}

Policies read_defaults(const Section& section, const Variables& variables, HostConfig& config) {
  Policies defaults;
  const Section retry = section.section("retry");
  const auto retries = variables.number("KAFKA_MAX_RETRIES", 0, 1000);
  if (retries && !retry.stated("max_retries")) {
    defaults.retry.max_retries = *retries;
    config.from_environment.emplace_back("KAFKA_MAX_RETRIES");
  }
  read_retry(retry, defaults.retry);
  read_dead_letter(section.section("dead_letter"), defaults.dead_letter);
  return defaults;
}

void read_handlers(const Section& top, const Policies& defaults, HostConfig& config, Problems& problems) {
  const Node* const list = top.find("handler");
  if (list == nullptr) return problems.add(top.at(), "there is no [[handler]], so there is nothing to run");
  if (list->kind != Node::Kind::array)
    return problems.add(list->at, "write [[handler]] in double brackets: there can be several");
  std::vector<HandlerDraft> drafts;
  for (const Node& table : list->items) drafts.push_back(read_handler(table, defaults, config, problems));
  check_handlers(drafts, problems);
  for (HandlerDraft& draft : drafts) config.handlers.push_back(std::move(draft.config));
}

void merge_drop_ins(const std::string& path, Node& document, Problems& problems) {
  namespace fs = std::filesystem;
  std::error_code failed;
  const fs::path folder = fs::path(path).parent_path() / "conf.d";
  std::vector<std::string> files;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    if (entry->path().extension() == ".toml") files.push_back(entry->path().string());
  }
  if (failed && failed != std::errc::no_such_file_or_directory && failed != std::errc::not_a_directory) {
    problems.add({folder.string(), 0, 0, "cannot be read: " + failed.message()});
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) merge(document, read_document(file, problems), problems);
}

} // namespace

std::string ConfigError::text() const {
  if (line == 0) return file + ": " + message;
  return file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + message;
}

Environment process_environment() {
  Environment environment;
  for (const char* const name : variable_names) {
    if (const char* const value = std::getenv(name); value != nullptr) environment[name] = value;
  }
  return environment;
}

core::Result<HostConfig, ConfigErrors> load_config(const std::string& path, const Environment& environment) {
  Problems problems;
  Node document = read_document(path, problems);
  if (problems.any()) return problems.take(); // whatever else would be said is a consequence
  merge_drop_ins(path, document, problems);
  if (problems.any()) return problems.take();

  HostConfig config;
  config.file = path;
  const Variables variables(environment, problems);
  const Section top(&document, "", document.at, problems);
  read_host(top.section("host"), variables, config);
  read_kafka(top.section("kafka"), variables, config, problems);
  read_ledger(top.section("ledger"), config);
  const Policies defaults = read_defaults(top.section("defaults"), variables, config);
  read_handlers(top, defaults, config, problems);
  if (problems.any()) return problems.take();
  return config;
}

std::vector<std::string> known_keys() {
  std::vector<std::string> keys;
  for (const KeyInfo& info : all_keys()) {
    if (info.state == KeyState::works)
      keys.push_back(info.section.empty() ? std::string(info.key)
                                          : std::string(info.section) + "." + std::string(info.key));
  }
  return keys;
}

} // namespace hostler::config
