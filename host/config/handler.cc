#include "config/handler.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "config/json.h"
#include "config/kafka_properties.h"
#include "config/units.h"
#include "core/topic_names.h"

namespace hostler::config {
namespace {

using core::FieldLocator;
using core::HandlerConfig;
using core::Idempotency;
using core::Millis;

constexpr Millis day = std::chrono::hours(24);

bool plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

// Only placeholders that exist and mean something here, each brace closed.
void check_template(const Section& section, std::string_view text, bool dead_letters) {
  constexpr std::array<std::string_view, 6> known = {"topic", "group",   "handler",
                                                     "delay", "attempt", "tenant"};
  std::size_t from = 0;
  while (true) {
    const std::size_t open = text.find_first_of("{}", from);
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find('}', open);
    if (text[open] == '}' || close == std::string_view::npos) {
      return section.wrong("topic", "is " + in_quotes(text) + " with a brace that has no partner");
    }
    const std::string_view name = text.substr(open + 1, close - open - 1);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      section.wrong("topic", "has the unknown placeholder " + in_quotes("{" + std::string(name) + "}") +
                                 "; there are {topic} {group} {handler} {delay} {attempt}");
    } else if (name == "tenant") {
      section.wrong("topic", "uses {tenant}, which is not available in this version");
    } else if (dead_letters && (name == "delay" || name == "attempt")) {
      section.wrong("topic", "uses {" + std::string(name) +
                                 "}, which a dead letter does not have; there are {topic} {group} {handler}");
    }
    from = close + 1;
  }
  if (text == "{topic}") section.wrong("topic", "would send copies back into the topic they came from");
}

void read_delays(const Section& section, core::RetryPolicy& out) {
  std::vector<Section::Text> texts;
  if (!section.read("delays", texts)) return;
  constexpr std::size_t most_delays = 32;
  if (texts.size() > most_delays) return section.wrong("delays", "has more than 32 entries");
  std::vector<core::Delay> delays;
  bool right = true;
  const auto wrong = [&](const Section::Text& text, const std::string& what) {
    section.problems().add(text.at, "'delays': " + in_quotes(text.text) + " " + what);
    right = false;
  };
  for (const Section::Text& text : texts) {
    const std::optional<Millis> duration = parse_duration(text.text);
    if (!duration) {
      wrong(text, "is no duration; write a whole number with ms, s, m, min, h or d, such as \"5m\"");
    } else if (*duration < Millis(1) || *duration > 7 * day) {
      wrong(text, "is out of range; it can be 1ms to 7d");
    } else if (!delays.empty() && *duration <= delays.back().duration) {
      wrong(text, "is not longer than the one before it (" + delays.back().text + "); delays must increase");
    } else {
      delays.push_back({text.text, *duration});
    }
  }
  if (right) out.delays = std::move(delays);
}

void check_retry(const Section& section, const core::RetryPolicy& retry) {
  if (retry.delays.empty() && retry.max_retries > 0) {
    section.wrong("delays",
                  "is empty, so there is no topic to wait in; give one delay or set max_retries = 0");
  }
  if (retry.delays.size() > 1 && retry.topic.find("{delay}") == std::string::npos &&
      retry.topic.find("{attempt}") == std::string::npos) {
    section.wrong("topic", "needs {delay}: with several delays each has its own topic");
  }
}

FieldLocator read_locator(const Section& section, std::string_view key, bool origin_allowed) {
  FieldLocator locator;
  std::string text;
  if (!section.read(key, text)) return locator;
  constexpr std::string_view json = "json:";
  constexpr std::string_view header = "header:";
  if (text == "key") {
    locator.kind = FieldLocator::Kind::key;
  } else if (text == "origin" && origin_allowed) {
    locator.kind = FieldLocator::Kind::origin;
  } else if (text.starts_with(header) && text.size() > header.size()) {
    locator = {FieldLocator::Kind::header, text.substr(header.size())};
  } else if (text.starts_with(json)) {
    locator = {FieldLocator::Kind::json_pointer, text.substr(json.size())};
    const std::string& path = locator.path;
    if (path.size() < 2 || path.front() != '/') {
      section.wrong(
          key, "is " + in_quotes(text) +
                   "; after json: comes a JSON pointer, such as \"json:/eventId\" or \"json:/metadata/id\"");
    }
    for (std::size_t at = path.find('~'); at != std::string::npos; at = path.find('~', at + 1)) {
      if (at + 1 < path.size() && (path[at + 1] == '0' || path[at + 1] == '1')) continue;
      section.wrong(
          key, "is " + in_quotes(text) + "; in a JSON pointer '~' is written ~0 and '/' inside a name ~1");
      break;
    }
  } else {
    section.wrong(key, "is " + in_quotes(text) + "; it can be \"json:/path\", \"header:name\", \"key\"" +
                           (origin_allowed ? " or \"origin\"" : ""));
  }
  return locator;
}

void read_topics(const Section& section, HandlerDraft& draft) {
  std::vector<Section::Text> topics;
  if (!section.read("topics", topics)) {
    if (!section.stated("topics")) section.missing("topics", "for example topics = [\"user-events\"]");
    return;
  }
  if (topics.empty()) return section.wrong("topics", "is empty; name at least one topic");
  constexpr std::size_t longest = 249;
  std::vector<std::string>& names = draft.config.topics;
  for (const Section::Text& topic : topics) {
    const auto wrong = [&](const std::string& what) {
      section.problems().add(topic.at, "'topics': " + in_quotes(topic.text) + " " + what);
    };
    std::string letters = topic.text;
    std::erase(letters, '*');
    if (letters.size() > longest || !plain(letters) || topic.text == "." || topic.text == "..") {
      wrong(
          "is no topic name: 1 to 249 of a-z, A-Z, 0-9, '.', '_', '-'; a pattern has '*' for any text, such "
          "as \"chat.messages.*\"");
    } else if (std::find(names.begin(), names.end(), topic.text) != names.end()) {
      wrong("is listed twice");
    } else {
      names.push_back(topic.text);
      draft.topic_places.push_back(topic.at);
    }
  }
}

void read_identity(const Section& section, HandlerDraft& draft) {
  HandlerConfig& config = draft.config;
  const auto required = [&](const char* key, std::string& out, const char* hint) {
    if (!section.read(key, out) && !section.stated(key)) section.missing(key, hint);
    draft.places[key] = section.where(key);
  };
  constexpr std::size_t longest_name = 100;
  constexpr std::size_t longest_group = 240; // "{group}.retry" is a group too
  required("name", config.name, "it is the service_name in the ledger, for example name = \"user-service\"");
  if (config.name.size() > longest_name || !plain(config.name)) {
    section.wrong("name",
                  "is " + in_quotes(config.name) + "; it can be 1 to 100 of a-z, A-Z, 0-9, '.', '_', '-'");
  }
  required("plugin", config.plugin, "the plugin's file, for example plugin = \"interview.so\"");
  if (config.plugin.find('/') != std::string::npos)
    config.plugin = beside(draft.places["plugin"], config.plugin);
  required("handler", config.handler,
           "which of the plugin's handlers, for example handler = \"interview.user-service\"");
  required("group", config.group, "the consumer group, for example group = \"user-service-group\"");
  if (config.group.size() > longest_group ||
      std::any_of(config.group.begin(), config.group.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) {
    section.wrong("group", "must have at most 240 characters and no control characters");
  }
  read_topics(section, draft);
  core::Start start{};
  if (section.read("start", start, {{"earliest", core::Start::earliest}, {"latest", core::Start::latest}})) {
    config.start = start;
  } else if (!section.stated("start")) {
    section.missing("start", "where a new group begins: start = \"earliest\" or \"latest\"");
  }
}

void read_reserved_words(const Section& section) {
  std::string word;
  if (section.read("ordering", word) && word != "partition") {
    section.wrong("ordering", word == "key"
                                  ? "= \"key\" is not available in this version; only \"partition\" is"
                                  : "is " + in_quotes(word) + "; it can be \"partition\"");
  }
  if (section.read("isolation", word) && word != "none") {
    section.wrong("isolation", word == "process"
                                   ? "= \"process\" is not available in this version; only \"none\" is"
                                   : "is " + in_quotes(word) + "; it can be \"none\"");
  }
}

// Which combinations of idempotency and the rest make sense.
void check_idempotency(const Section& section, const HandlerConfig& config, bool ledger) {
  const Idempotency mode = config.idempotency;
  if (mode == Idempotency::event_id && !section.stated("event_id")) {
    section.problems().add(section.where("idempotency"),
                           "idempotency = \"event-id\" (the default) needs 'event_id'; say where the id is, "
                           "for example event_id = \"json:/eventId\", or choose "
                           "idempotency = \"offset\" or \"off\"");
  }
  if (mode != Idempotency::off && !ledger) {
    section.problems().add(section.where("idempotency"),
                           std::string("idempotency = ") +
                               (mode == Idempotency::offset ? "\"offset\"" : "\"event-id\" (the default)") +
                               " needs 'url' in [ledger]; or choose idempotency = \"off\"");
  }
  if (mode != Idempotency::event_id && section.stated("on_missing_id")) {
    section.wrong("on_missing_id", "has no meaning without idempotency = \"event-id\"; leave it out");
  } else if (config.event_id.kind == FieldLocator::Kind::origin && section.stated("on_missing_id")) {
    section.wrong("on_missing_id",
                  "has no meaning with event_id = \"origin\", which is never missing; leave it out");
  }
  if (mode == Idempotency::off && section.stated("on_sql_error")) {
    section.wrong("on_sql_error",
                  "has no meaning with idempotency = \"off\", where the host runs no SQL; leave it out");
  }
  if (mode == Idempotency::off && section.stated("migrations") && !ledger)
    section.wrong("migrations", "needs 'url' in [ledger]");
}

void read_settling(const Section& section, HandlerConfig& config) {
  section.read(
      "idempotency", config.idempotency,
      {{"event-id", Idempotency::event_id}, {"offset", Idempotency::offset}, {"off", Idempotency::off}});
  config.event_id = read_locator(section, "event_id", true);
  config.event_type = read_locator(section, "event_type", false);
  section.read("on_missing_id", config.on_missing_id,
               {{"reject", core::OnMissingId::reject}, {"origin", core::OnMissingId::origin}});
  section.read("on_sql_error", config.on_sql_error,
               {{"retry", core::SqlErrorVerdict::retry}, {"reject", core::SqlErrorVerdict::reject}});
}

void read_running(const Section& section, HandlerConfig& config) {
  section.read("enabled", config.enabled);
  section.read("lanes", config.lanes, 1, 256);
  section.read("timeout", config.timeout, Millis(100), day);
  const Section batch = section.section("batch");
  batch.read("max_records", config.batch.max_records, 1, 100'000);
  batch.read("max_wait", config.batch.max_wait, Millis(0), std::chrono::minutes(1));
  if (section.read("migrations", config.migrations))
    config.migrations = beside(section.where("migrations"), config.migrations);
}

} // namespace

std::string beside(const Position& file, const std::string& path) {
  std::error_code failed;
  const std::filesystem::path folder =
      std::filesystem::absolute(std::filesystem::path(file.file_name()), failed).parent_path();
  return failed ? path : (folder / path).lexically_normal().string();
}

void read_retry(const Section& section, core::RetryPolicy& out) {
  read_delays(section, out);
  section.read("max_retries", out.max_retries, 0, 1000);
  if (section.read("topic", out.topic)) check_template(section, out.topic, false);
  section.read("create_topics", out.create_topics);
  check_retry(section, out);
}

void read_dead_letter(const Section& section, core::DeadLetterPolicy& out) {
  if (section.read("topic", out.topic)) check_template(section, out.topic, true);
  section.read("format", out.format,
               {{"record", core::LetterFormat::record}, {"json", core::LetterFormat::json}});
  section.read("create_topics", out.create_topics);
  std::uint32_t partitions = 0;
  if (section.read("partitions", partitions, 1, 10'000))
    out.partitions = static_cast<std::int32_t>(partitions);
  section.read("retention", out.retention, std::chrono::hours(1), 3650 * day);
  std::vector<Section::Text> headers;
  if (!section.read("headers", headers)) return;
  out.original_topic_headers = out.spring_headers = false;
  for (const Section::Text& header : headers) {
    if (header.text == "original-topic") {
      out.original_topic_headers = true;
    } else if (header.text == "spring") {
      out.spring_headers = true;
    } else {
      section.problems().add(header.at, "'headers': " + in_quotes(header.text) +
                                            " is not known; there are \"original-topic\" and \"spring\"");
    }
  }
}

HandlerDraft read_handler(const Node& table, const Policies& defaults, const core::HostConfig& host,
                          Problems& problems) {
  HandlerDraft draft;
  HandlerConfig& config = draft.config;
  Problems own;
  const Section section(&table, "handler", table.at, own);
  config.where = table.at.text();
  if (table.kind == Node::Kind::table) {
    read_identity(section, draft);
    read_settling(section, config);
    read_running(section, config);
    read_reserved_words(section);
    check_idempotency(section, config, !host.ledger.url.empty());
  }

  config.retry = defaults.retry;
  config.dead_letter = defaults.dead_letter;
  const Section retry = section.section("retry");
  const Section dead_letter = section.section("dead_letter");
  if (section.stated("retry")) read_retry(retry, config.retry);
  if (section.stated("dead_letter")) read_dead_letter(dead_letter, config.dead_letter);
  draft.places["retry.topic"] = retry.where("topic");
  draft.places["dead_letter.topic"] = dead_letter.where("topic");

  config.kafka = host.kafka.properties;
  if (const Node* const kafka = section.find("kafka"); kafka != nullptr) {
    read_properties(kafka, "[handler.kafka]", config.kafka, own);
    check_properties(config.kafka, kafka->at, own);
  }
  if (const Node* const free = section.find("config"); free != nullptr) {
    if (free->kind == Node::Kind::table) {
      config.config_json = to_json(*free, own);
    } else {
      section.wrong("config",
                    "must be a table, [handler.config], this is " + std::string(kind_name(free->kind)));
    }
  }
  draft.right = !own.any();
  for (ConfigError& error : own.take()) problems.add(std::move(error));
  return draft;
}

} // namespace hostler::config
