#include "config/schema.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

namespace hostler::config {
namespace {

constexpr double ms = 1, second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
constexpr double megabyte = 1 << 20;
constexpr KeyState reserved = KeyState::reserved;
constexpr bool shared = true; // [defaults] may state it
using T = KeyType;

constexpr std::array keys = {
    KeyInfo{"", "host", T::table, "the process"},
    KeyInfo{"", "http", T::table, "the admin port: health, metrics, commands"},
    KeyInfo{"", "kafka", T::table, "the cluster"},
    KeyInfo{"", "ledger", T::table, "where settled records are remembered"},
    KeyInfo{"", "ledgers", T::named, "more databases; a handler picks one with ledger = NAME"},
    KeyInfo{"", "defaults", T::table, "for every handler that does not state its own"},
    KeyInfo{"", "handler", T::tables, "a plugin's handler and what it reads"},

    KeyInfo{"host", "name", T::text, "shows in messages and in the database's list of sessions"},
    KeyInfo{"host", "plugin_dirs", T::texts, "folders searched for plugins, in this order"},
    KeyInfo{"host", "memory", T::size, "for records read ahead, all consumers together", 16 * megabyte,
            1024 * 1024 * megabyte},
    KeyInfo{"host", "log_level", T::word, "what is logged", 0, 0, "debug|info|warn|error"},
    KeyInfo{"host", "log_format", T::word,
            "auto: journald under systemd, human on a terminal, else json", 0, 0, "auto|human|json|journald"},
    KeyInfo{"host", "log_file", T::path, "file for the log; without it stderr"},
    KeyInfo{"host", "state_dir", T::path,
            "folder for what must outlive the process, one for each host; without it the system's"},
    KeyInfo{"host", "audit_log", T::path, "file for operators' actions; without it none is written"},
    KeyInfo{"host", "drain_timeout", T::duration, "how long a stopping host lets handlers finish", second, day},

    KeyInfo{"http", "listen", T::address, "host:port of the admin port; empty: no TCP"},
    KeyInfo{"http", "unix", T::path, "path of a UNIX socket"},
    KeyInfo{"http", "token_file", T::path, "file with the token that callers must present"},
    KeyInfo{"http", "tls_certificate", T::path, "PEM file"},
    KeyInfo{"http", "tls_key", T::path, "PEM file"},
    KeyInfo{"http", "max_connections", T::integer, "at once", 1, 10'000},

    KeyInfo{"kafka", "brokers", T::texts, "host:port, one or more to start from"},
    KeyInfo{"kafka", "client_id", T::text, "shows in the brokers' logs and quotas"},
    KeyInfo{"kafka", "sasl_mechanism", T::word, "how to prove who the host is", 0, 0,
            "PLAIN|SCRAM-SHA-256|SCRAM-SHA-512|OAUTHBEARER|GSSAPI"},
    KeyInfo{"kafka", "sasl_username", T::text, "user for SASL"},
    KeyInfo{"kafka", "sasl_password_file", T::path, "file with the password for SASL, and nothing else"},
    KeyInfo{"kafka", "tls", T::boolean, "encrypted connections"},
    KeyInfo{"kafka", "tls_ca", T::path, "PEM file with the authorities to trust; without it the system's"},
    KeyInfo{"kafka", "tls_certificate", T::path, "PEM file: the host's own certificate, for mutual TLS"},
    KeyInfo{"kafka", "tls_key", T::path, "PEM file: the key of tls_certificate"},
    KeyInfo{"kafka", "tls_key_password_file", T::path, "file with the password of tls_key"},
    KeyInfo{"kafka", "compression", T::word, "of what the host produces", 0, 0, "none|gzip|snappy|lz4|zstd"},
    KeyInfo{"kafka", "schema_registry", T::text, "URL of a Confluent Schema Registry"},
    KeyInfo{"kafka", "properties", T::properties, "any librdkafka property, as is"},
    KeyInfo{"kafka", "clusters", T::named, "more clusters; a handler picks one with cluster = NAME"},

    KeyInfo{"ledger", "url", T::text, "postgresql://user@host/database or sqlite:///path"},
    KeyInfo{"ledger", "role", T::text, "database user, instead of the one in url"},
    KeyInfo{"ledger", "password_file", T::path, "file with the password, and nothing else"},
    KeyInfo{"ledger", "max_sessions", T::integer, "database sessions at once", 1, 10'000},
    KeyInfo{"ledger", "retention", T::duration, "how long settled records are remembered", hour, 3650 * day},
    KeyInfo{"ledger", "layout", T::word, "of the tables", 0, 0, "plain|compact", false, reserved},

    KeyInfo{"defaults.topics", "partitions", T::integer, "of a declared topic", 1, 10'000},
    KeyInfo{"defaults.topics", "replication", T::integer, "of a declared topic; without it the brokers' default",
            1, 100},
    KeyInfo{"defaults.topics", "retention", T::duration, "of a declared topic", second, 3650 * day},

    KeyInfo{"handler", "name", T::text, "unique; service_name in the ledger"},
    KeyInfo{"handler", "plugin", T::text, "a file in plugin_dirs, or a path"},
    KeyInfo{"handler", "sha256", T::text, "what the plugin's file must hash to, 64 hex digits"},
    KeyInfo{"handler", "handler", T::text, "which of the plugin's handlers"},
    KeyInfo{"handler", "topics", T::texts, "names, and patterns with *"},
    KeyInfo{"handler", "group", T::text, "consumer group", 0, 0, "", shared},
    KeyInfo{"handler", "start", T::word, "where a new group begins", 0, 0, "earliest|latest", shared},
    KeyInfo{"handler", "enabled", T::boolean, "whether it runs", 0, 0, "", shared},
    KeyInfo{"handler", "cluster", T::text, "a name of [kafka.clusters.NAME]; without it [kafka]"},
    KeyInfo{"handler", "ledger", T::text, "a name of [ledgers.NAME]; without it [ledger]"},
    KeyInfo{"handler", "idempotency", T::word, "one effect for each event, for each record, or at least once", 0, 0,
            "event-id|offset|off"},
    KeyInfo{"handler", "effects", T::word, "what commits with a record: its SQL, or what it publishes (with idempotency off)", 0, 0,
            "sql|kafka"},
    KeyInfo{"handler", "event_id", T::text, "json:/pointer, header:name, key or origin"},
    KeyInfo{"handler", "event_type", T::text, "json:/pointer, header:name or key"},
    KeyInfo{"handler", "on_missing_id", T::word, "what becomes of a record without an id", 0, 0, "reject|origin"},
    KeyInfo{"handler", "on_sql_error", T::word, "what becomes of a record whose SQL the database refuses", 0, 0,
            "retry|reject"},
    KeyInfo{"handler", "publish", T::word, "when the handler's messages leave: before COMMIT, or through a table after it", 0, 0,
            "direct|outbox"},
    KeyInfo{"handler", "ordering", T::word, "what order is kept when records fail", 0, 0, "partition|key"},
    KeyInfo{"handler", "isolation", T::word, "what a crashing handler takes down with it", 0, 0, "none|process"},
    KeyInfo{"handler", "lanes", T::integer, "threads; a partition belongs to one of them", 1, 256},
    KeyInfo{"handler", "timeout", T::duration, "of one call of the handler", 100 * ms, day, "", shared},
    KeyInfo{"handler", "max_crashes", T::integer, "so many hosts may end while they handle a record; then it is dead-lettered", 1, 1000,
            "", shared},
    KeyInfo{"handler", "rate_limit", T::integer, "records per second, all lanes together; 0: no limit", 0, 10'000'000,
            "", shared},
    KeyInfo{"handler", "session_timeout", T::duration, "silence after which the group gives a member up", second, day,
            "", shared},
    KeyInfo{"handler", "heartbeat", T::duration, "how often a member shows that it lives", ms, hour, "", shared},
    KeyInfo{"handler", "poll_interval", T::duration, "longest pause between two polls (max.poll.interval.ms)", second,
            day, "", shared},
    KeyInfo{"handler", "assignment", T::word, "how a group divides partitions; auto: as the client in use does best", 0,
            0, "auto|range|roundrobin|cooperative-sticky", shared},
    KeyInfo{"handler", "instance_id", T::text, "static membership: the same id after a restart, another on each host", 0, 0,
            "", shared},
    KeyInfo{"handler", "migrations", T::path, "folder with the handler's own tables"},
    KeyInfo{"handler", "batch", T::table, "how many records at once", 0, 0, "", shared},
    KeyInfo{"handler", "breaker", T::table, "when intake stops because too much fails", 0, 0, "", shared},
    KeyInfo{"handler", "retry", T::table, "what becomes of a record that failed", 0, 0, "", shared},
    KeyInfo{"handler", "dead_letter", T::table, "what becomes of a record that failed for good", 0, 0, "", shared},
    KeyInfo{"handler", "kafka", T::properties, "librdkafka properties of this handler, over [kafka.properties]"},
    KeyInfo{"handler", "config", T::free, "handed to the plugin as JSON"},
    KeyInfo{"handler", "concurrency", T::table, "how records spread over lanes", 0, 0, "", false, reserved},

    KeyInfo{"handler.batch", "max_records", T::integer, "of one call", 1, 100'000},
    KeyInfo{"handler.batch", "max_wait", T::duration, "how long a batch's first record waits for company", 0, minute},

    KeyInfo{"handler.breaker", "failure_rate", T::real, "share of the window's records", 0.01, 1},
    KeyInfo{"handler.breaker", "window", T::duration, "of time that is looked at", second, hour},
    KeyInfo{"handler.breaker", "min_records", T::integer, "fewer in the window say nothing", 1, 1'000'000},

    KeyInfo{"handler.retry", "delays", T::texts, "one retry topic each; they must increase"},
    KeyInfo{"handler.retry", "max_retries", T::integer, "beyond the number of delays the last one repeats", 0, 1000},
    KeyInfo{"handler.retry", "topic", T::text, "name with {topic} {group} {handler} {delay} {attempt}"},
    KeyInfo{"handler.retry", "create_topics", T::boolean, "create missing retry topics"},

    KeyInfo{"handler.dead_letter", "topic", T::text, "name with {topic} {group} {handler}"},
    KeyInfo{"handler.dead_letter", "format", T::word, "byte for byte with headers, or an envelope", 0, 0,
            "record|json"},
    KeyInfo{"handler.dead_letter", "create_topics", T::boolean, "create missing dead-letter topics"},
    KeyInfo{"handler.dead_letter", "partitions", T::integer, "of a created topic", 1, 10'000},
    KeyInfo{"handler.dead_letter", "retention", T::duration, "of a created topic", hour, 3650 * day},
    KeyInfo{"handler.dead_letter", "headers", T::texts, "besides Hostler's own: original-topic, spring"},
};

// Sections that have the keys of another one.
std::string_view home_of(std::string_view section) {
  if (section == "kafka.clusters.*") return "kafka";
  if (section == "ledgers.*") return "ledger";
  if (section == "defaults.retry") return "handler.retry";
  if (section == "defaults.dead_letter") return "handler.dead_letter";
  if (section == "defaults.batch") return "handler.batch";
  if (section == "defaults.breaker") return "handler.breaker";
  return section;
}
constexpr KeyInfo defaults_topics{"defaults", "topics", T::table, "for declared topics that do not state their own"};

// Levenshtein, on short names.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

} // namespace

std::span<const KeyInfo> all_keys() { return keys; }

std::vector<const KeyInfo*> keys_of(std::string_view section) {
  std::vector<const KeyInfo*> found;
  const bool defaults = section == "defaults";
  const std::string_view home = defaults ? "handler" : home_of(section);
  for (const KeyInfo& info : keys) {
    if (info.section != home || (defaults && !info.in_defaults)) continue;
    if (section == "kafka.clusters.*" && info.key == "clusters") continue;
    found.push_back(&info);
  }
  if (defaults) found.push_back(&defaults_topics);
  return found;
}

const KeyInfo* find_key(std::string_view section, std::string_view key) {
  const std::vector<const KeyInfo*> known = keys_of(section);
  const auto found = std::find_if(known.begin(), known.end(), [&](const KeyInfo* info) { return info->key == key; });
  return found == known.end() ? nullptr : *found;
}

std::vector<std::string_view> words_of(std::string_view words) {
  std::vector<std::string_view> parts;
  while (!words.empty()) {
    const std::size_t bar = std::min(words.find('|'), words.size());
    parts.push_back(words.substr(0, bar));
    words.remove_prefix(std::min(bar + 1, words.size()));
  }
  return parts;
}

std::string key_hint(std::string_view section, std::string_view key) {
  constexpr std::size_t longest = 64;
  if (key.size() > longest) return {};
  const KeyInfo* nearest = nullptr;
  std::size_t best = std::max<std::size_t>(2, key.size() / 3) + 1;
  for (const KeyInfo* const info : keys_of(section)) {
    const std::size_t far = distance(key, info->key);
    if (far < best) {
      best = far;
      nearest = info;
    }
  }
  if (nearest != nullptr) return "; nearest known key '" + std::string(nearest->key) + "'";
  std::string homes;
  for (const KeyInfo& info : keys) {
    if (info.key != key || info.section.empty()) continue;
    std::string home = section_title(info.section);
    if (info.section == "handler.retry" || info.section == "handler.dead_letter") // said first where it is said most
      home = "[defaults" + std::string(info.section.substr(7)) + "] or " + home;
    homes += (homes.empty() ? "" : " or ") + home;
  }
  return homes.empty() ? std::string() : "; it belongs in " + homes;
}

std::string section_title(std::string_view section) {
  if (section.empty()) return "the top level";
  if (section == "handler") return "[[handler]]";
  if (section.ends_with(".*")) return "[" + std::string(section.substr(0, section.size() - 1)) + "NAME]";
  return "[" + std::string(section) + "]";
}

} // namespace hostler::config
