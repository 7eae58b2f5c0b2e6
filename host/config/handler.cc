#include "config/handler.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "config/json.h"
#include "config/kafka_properties.h"
#include "config/tables.h"
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
  std::vector<std::string> otherwise;
  for (const core::Delay& delay : out.delays) otherwise.push_back(delay.text);
  if (!section.read("delays", texts, otherwise)) return;
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
  constexpr std::size_t digits = 64;
  if (section.read("sha256", config.plugin_sha256)) {
    std::transform(config.plugin_sha256.begin(), config.plugin_sha256.end(), config.plugin_sha256.begin(),
                   [](char c) { return (c >= 'A' && c <= 'F') ? static_cast<char>(c - 'A' + 'a') : c; });
    if (config.plugin_sha256.size() != digits ||
        config.plugin_sha256.find_first_not_of("0123456789abcdef") != std::string::npos)
      section.wrong("sha256", "is no SHA-256 in 64 hexadecimal digits; `sha256sum FILE` prints the plugin's");
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
  if (section.read_word("start", start, {core::Start::earliest, core::Start::latest})) {
    config.start = start;
  } else if (!section.stated("start")) {
    section.missing("start", "where a new group begins: start = \"earliest\" or \"latest\"");
  }
}

void read_reserved_words(const Section& section, HandlerConfig& config) {
  if (section.read_word("ordering", config.ordering, {core::Ordering::partition, core::Ordering::key}) &&
      config.ordering == core::Ordering::key)
    section.wrong("ordering", "= \"key\" is not available in this version; only \"partition\" is");
  if (section.read_word("isolation", config.isolation, {core::Isolation::none, core::Isolation::process}) &&
      config.isolation == core::Isolation::process)
    section.wrong("isolation", "= \"process\" is not available in this version; only \"none\" is");
}

// The group membership: keys of our own that librdkafka knows as properties.
void read_membership(const Section& section, const Node* properties, HandlerConfig& config) {
  struct Timeout {
    const char* key;
    const char* property;
    Millis* value;
  };
  for (const Timeout& timeout : {Timeout{"session_timeout", "session.timeout.ms", &config.session_timeout},
                                 Timeout{"heartbeat", "heartbeat.interval.ms", &config.heartbeat},
                                 Timeout{"poll_interval", "max.poll.interval.ms", &config.poll_interval}}) {
    std::string& property = config.kafka[timeout.property];
    const bool by_property = !section.stated(timeout.key) && !property.empty();
    if (by_property) { // checked by check_properties()
      std::int64_t ms = timeout.value->count();
      std::from_chars(property.data(), property.data() + property.size(), ms);
      *timeout.value = Millis(ms);
    }
    section.read(timeout.key, *timeout.value);
    stated_twice(section, timeout.key, properties, timeout.property);
    if (!by_property) property = std::to_string(timeout.value->count());
  }
  using core::Assignment;
  constexpr const char* strategy = "partition.assignment.strategy";
  if (section.read_word("assignment", config.assignment,
                        {Assignment::automatic, Assignment::range, Assignment::roundrobin, Assignment::cooperative_sticky})) {
    stated_twice(section, "assignment", properties, strategy);
    constexpr const char* names[] = {"", "range", "roundrobin", "cooperative-sticky"};
    if (config.assignment == Assignment::automatic) {
      config.kafka.erase(strategy);
    } else {
      config.kafka[strategy] = names[static_cast<std::size_t>(config.assignment)];
    }
  }
  if (section.read("instance_id", config.instance_id)) {
    stated_twice(section, "instance_id", properties, "group.instance.id");
    constexpr std::size_t longest = 200;
    if (config.instance_id.size() > longest || !plain(config.instance_id))
      section.wrong("instance_id", "can have 1 to 200 of a-z, A-Z, 0-9, '.', '_', '-'");
    config.kafka["group.instance.id"] = config.instance_id;
  }
}

// Which combinations of idempotency and the rest make sense.
void check_idempotency(const Section& section, const HandlerConfig& config, bool ledger) {
  const Idempotency mode = config.idempotency;
  if (mode == Idempotency::event_id && !section.stated("event_id") && config.effects == core::Effects::sql) {
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
  if (mode == Idempotency::off && config.publish == core::Publish::outbox) {
    section.wrong("publish", "\"outbox\" keeps messages in the ledger's transactions and there are none with idempotency = \"off\"; choose \"direct\"");
  }
  if (mode == Idempotency::off && section.stated("ledger"))
    section.wrong("ledger", "has no meaning with idempotency = \"off\", where the host runs no SQL; leave it out");
  if (mode == Idempotency::off && section.stated("migrations") && !ledger)
    section.wrong("migrations", "needs 'url' in [ledger]");
}

// A transaction of the brokers holds what is published and the offset, and nothing else.
void check_effects(const Section& section, const HandlerConfig& config) {
  if (config.effects != core::Effects::kafka) return;
  if (config.idempotency != Idempotency::off)
    section.wrong("effects", "= \"kafka\" needs idempotency = \"off\": a ledger cannot commit together with a transaction of the brokers");
  if (config.ordering != core::Ordering::partition)
    section.wrong("effects", "= \"kafka\" needs ordering = \"partition\": parked records of a key would need a ledger");
  const auto isolation = config.kafka.find("isolation.level");
  if (isolation != config.kafka.end() && isolation->second != "read_committed")
    section.wrong("effects", "= \"kafka\" needs \"isolation.level\" = \"read_committed\" (which is the default): what was aborted must not be read again");
}

void read_settling(const Section& section, HandlerConfig& config) {
  section.read_word("idempotency", config.idempotency, {Idempotency::event_id, Idempotency::offset, Idempotency::off});
  section.read_word("effects", config.effects, {core::Effects::sql, core::Effects::kafka});
  config.event_id = read_locator(section, "event_id", true);
  config.event_type = read_locator(section, "event_type", false);
  section.read_word("on_missing_id", config.on_missing_id, {core::OnMissingId::reject, core::OnMissingId::origin});
  section.read_word("publish", config.publish, {core::Publish::direct, core::Publish::outbox});
  section.read_word("on_sql_error", config.on_sql_error, {core::SqlErrorVerdict::retry, core::SqlErrorVerdict::reject});
}

void read_batch(const Section& batch, core::BatchPolicy& out) {
  batch.read("max_records", out.max_records);
  batch.read("max_wait", out.max_wait);
  if (out.max_records == 1 && out.max_wait > Millis(0))
    batch.wrong("max_wait", "has no meaning with max_records = 1: there is no company to wait for");
}

void read_breaker(const Section& breaker, core::BreakerPolicy& out) {
  breaker.read("failure_rate", out.failure_rate);
  breaker.read("window", out.window);
  breaker.read("min_records", out.min_records);
}

void read_running(const Section& section, HandlerConfig& config) {
  section.read("enabled", config.enabled);
  section.read("lanes", config.lanes);
  section.read("timeout", config.timeout);
  section.read("max_crashes", config.max_crashes);
  section.read("rate_limit", config.rate_limit);
  read_batch(section.section("batch"), config.batch);
  read_breaker(section.section("breaker"), config.breaker);
  section.read_path("migrations", config.migrations);
}

void read_retry(const Section& section, core::RetryPolicy& out) {
  read_delays(section, out);
  section.read("max_retries", out.max_retries);
  if (section.read("topic", out.topic)) check_template(section, out.topic, false);
  section.read("create_topics", out.create_topics);
  check_retry(section, out);
}

void read_dead_letter(const Section& section, core::DeadLetterPolicy& out) {
  if (section.read("topic", out.topic)) check_template(section, out.topic, true);
  section.read_word("format", out.format, {core::LetterFormat::record, core::LetterFormat::json});
  section.read("create_topics", out.create_topics);
  section.read("partitions", out.partitions);
  section.read("retention", out.retention);
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

// Where the handler is bound: its cluster and its database, by name.
void read_bindings(const Section& section, const core::HostConfig& host, HandlerConfig& config) {
  const auto pick = [&](const char* key, std::string& out, const auto& known, const std::string& title) {
    if (!section.read(key, out) || known.contains(out)) return;
    std::string names;
    for (const auto& [name, value] : known) names += (names.empty() ? "" : ", ") + name;
    section.wrong(key, "is " + in_quotes(out) + ", but there is no [" + title + "." + out + "]" +
                           (names.empty() ? "" : "; there is " + names));
    out.clear();
  };
  pick("cluster", config.cluster, host.clusters, "kafka.clusters");
  pick("ledger", config.ledger, host.ledgers, "ledgers");
}

void report_config(const Section& section, const Node& free) {
  if (section.report() == nullptr) return;
  for (const Member& member : free.members) {
    const bool hide = names_secret(member.key) && member.value.kind != Node::Kind::table;
    section.report()->add(section.name() + ".config", member.key, hide ? "\"***\"" : shown(member.value), &member.value);
  }
}

} // namespace

std::string beside(const Position& file, const std::string& path) {
  std::error_code failed;
  const std::filesystem::path folder =
      std::filesystem::absolute(std::filesystem::path(file.file_name()), failed).parent_path();
  return failed ? path : (folder / path).lexically_normal().string();
}

void check_defaults(const Section& defaults, const Node* cluster) {
  core::RetryPolicy retry;
  read_retry(defaults.section("retry"), retry);
  core::DeadLetterPolicy dead_letter;
  read_dead_letter(defaults.section("dead_letter"), dead_letter);
  core::BatchPolicy batch;
  read_batch(defaults.section("batch"), batch);
  core::BreakerPolicy breaker;
  read_breaker(defaults.section("breaker"), breaker);
  const Node* const properties = cluster == nullptr ? nullptr : cluster->find("properties");
  for (const auto& [key, property] : {std::pair("session_timeout", "session.timeout.ms"),
                                      std::pair("heartbeat", "heartbeat.interval.ms"),
                                      std::pair("poll_interval", "max.poll.interval.ms"),
                                      std::pair("assignment", "partition.assignment.strategy")})
    stated_twice(defaults, key, properties, property);
  HandlerConfig handler; // for the types and ranges of the rest
  core::Start start{};
  defaults.read_word("start", start, {core::Start::earliest, core::Start::latest});
  defaults.read("enabled", handler.enabled);
  defaults.read("group", handler.group);
  defaults.read("timeout", handler.timeout);
  defaults.read("max_crashes", handler.max_crashes);
  defaults.read("rate_limit", handler.rate_limit);
  read_membership(defaults, nullptr, handler);
}

void inherit_defaults(Node& handler, const Node* defaults) {
  if (defaults == nullptr || handler.kind != Node::Kind::table) return;
  for (const Member& member : defaults->members) {
    const KeyInfo* const info = find_key("defaults", member.key);
    if (info == nullptr || info->section != "handler") continue;
    const Node* const properties = handler.find("kafka"); // looked up anew: what is inserted moves it
    // What a handler states as a property, it states.
    constexpr std::pair<std::string_view, std::string_view> same[] = {{"session_timeout", "session.timeout.ms"},
                                                                      {"heartbeat", "heartbeat.interval.ms"},
                                                                      {"poll_interval", "max.poll.interval.ms"},
                                                                      {"assignment", "partition.assignment.strategy"}};
    if (std::any_of(std::begin(same), std::end(same), [&](const auto& pair) {
          return pair.first == member.key && find_property(properties, pair.second) != nullptr;
        }))
      continue;
    if (info->type != KeyType::table) {
      if (handler.find(member.key) == nullptr) insert(handler, member.key, member.at, member.value);
      continue;
    }
    if (member.value.kind != Node::Kind::table) continue; // reported where it stands
    Node* own = nullptr;
    for (Member& stated : handler.members) {
      if (stated.key == member.key) own = &stated.value;
    }
    if (own == nullptr) {
      Node empty;
      empty.at = handler.at;
      own = &insert(handler, member.key, handler.at, std::move(empty));
    }
    if (own->kind != Node::Kind::table) continue;
    for (const Member& below : member.value.members) {
      if (own->find(below.key) == nullptr && find_key("handler." + member.key, below.key) != nullptr)
        insert(*own, below.key, below.at, below.value);
    }
  }
}

HandlerDraft read_handler(const Node& table, const core::HostConfig& host, Problems& problems, Report* report) {
  HandlerDraft draft;
  HandlerConfig& config = draft.config;
  const std::size_t before = problems.count();
  const Node* const name = table.find("name");
  const Section section(&table, "handler",
                        "handler." + (name != nullptr && name->kind == Node::Kind::string ? name->text : "?"), table.at,
                        problems, report);
  config.where = table.at.text();
  const Node* const properties = section.find("kafka");
  if (table.kind == Node::Kind::table) {
    read_identity(section, draft);
    read_bindings(section, host, config);
    read_settling(section, config);
    read_running(section, config);
    read_reserved_words(section, config);
    check_idempotency(section, config, !host.ledger_of(config).url.empty());
    read_retry(section.section("retry"), config.retry);
    read_dead_letter(section.section("dead_letter"), config.dead_letter);
    draft.places["retry.topic"] = section.section("retry").where("topic");
    draft.places["dead_letter.topic"] = section.section("dead_letter").where("topic");

    config.kafka = host.cluster_of(config).properties;
    read_properties(properties, "[handler.kafka]", section.name() + ".kafka", config.kafka, problems, report);
    read_membership(section, properties, config);
    check_effects(section, config);
    if (properties != nullptr || section.stated("session_timeout") || section.stated("heartbeat") ||
        section.stated("poll_interval"))
      check_properties(config.kafka, properties != nullptr ? properties->at : section.at(), problems);
  }
  if (const Node* const free = section.find("config"); free != nullptr) {
    if (free->kind == Node::Kind::table) {
      config.config_json = to_json(*free, problems);
      report_config(section, *free);
    } else {
      section.wrong("config",
                    "must be a table, [handler.config], this is " + std::string(kind_name(free->kind)));
    }
  }
  draft.right = problems.count() == before;
  return draft;
}

} // namespace hostler::config
