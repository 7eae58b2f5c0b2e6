// HostConfig: everything the host was told, immutable once read. Declared here so that every folder can read it;
// config/ fills it from TOML and the environment, with defaults merged into each handler.
// Thread-safety: written once before any thread starts, then read only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/log_format.h"
#include "core/types.h"

namespace hostler::core {

// A delay as written ("1min", "30s") and what it means. The text names topics.
struct Delay {
  std::string text;
  Millis duration{};
};

struct RetryPolicy {
  std::vector<Delay> delays = {{"1m", std::chrono::minutes(1)}, {"5m", std::chrono::minutes(5)}, {"30m", std::chrono::minutes(30)}};
  std::uint32_t max_retries = 3;  // attempts = 1 + max_retries; beyond the tiers the last one repeats
  std::string topic = "{topic}.{group}.retry.{delay}";
  bool create_topics = true;
};

enum class LetterFormat : std::uint8_t { record, json };

struct DeadLetterPolicy {
  std::string topic = "{topic}.{group}.dlq";
  LetterFormat format = LetterFormat::record;
  bool create_topics = true;
  std::int32_t partitions = 1;          // of a created dead-letter topic
  Millis retention = std::chrono::hours(24 * 30);
  bool original_topic_headers = false;  // also original-topic and failed-at
  bool spring_headers = false;          // also kafka_dlt-*
};

enum class Idempotency : std::uint8_t { event_id, offset, off };
// What is committed together with a record: its SQL and the ledger's rows, or what it publishes and its offset in a transaction of the brokers.
enum class Effects : std::uint8_t { sql, kafka };
enum class Start : std::uint8_t { earliest, latest };
enum class OnMissingId : std::uint8_t { reject, origin };
enum class SqlErrorVerdict : std::uint8_t { retry, reject };
// When messages of a record leave: before its COMMIT (then a death may leave one without its record), or as rows of its transaction.
enum class Publish : std::uint8_t { direct, outbox };
enum class Ordering : std::uint8_t { partition, key };
enum class Isolation : std::uint8_t { none, process };
// How a group divides partitions. `automatic` leaves it to the client found at run time.
enum class Assignment : std::uint8_t { automatic, range, roundrobin, cooperative_sticky };

// Where an event's id, type or key sits.
struct FieldLocator {
  enum class Kind : std::uint8_t { none, json_pointer, header, key, origin };
  Kind kind = Kind::none;
  std::string path;  // JSON pointer ("/metadata/id") or header name
};

struct BatchPolicy {
  std::uint32_t max_records = 500;
  Millis max_wait{0};  // how long the first record of a batch may wait for company; 0: take what is there
};

// When intake of a handler stops because too much fails for reasons that are not the records'.
struct BreakerPolicy {
  double failure_rate = 0.5;      // above 0, at most 1: this share of the window's records
  Millis window = std::chrono::seconds(30);
  std::uint32_t min_records = 20; // fewer in the window say nothing
};

using Properties = std::map<std::string, std::string>;  // librdkafka's names and values, as is

struct HandlerConfig {
  std::string name;         // service_name in the ledger
  std::string plugin;       // file as written: absolute, or looked for in plugin_dirs
  std::string handler;      // which of the plugin's handlers
  std::vector<std::string> topics;  // names, and patterns with *
  std::string group;
  std::optional<Start> start;       // required; there is no silent default for a new group
  Idempotency idempotency = Idempotency::event_id;
  Effects effects = Effects::sql;   // kafka: only with idempotency off and ordering by partition
  FieldLocator event_id;
  FieldLocator event_type;
  OnMissingId on_missing_id = OnMissingId::reject;
  SqlErrorVerdict on_sql_error = SqlErrorVerdict::retry;
  Publish publish = Publish::direct;
  Ordering ordering = Ordering::partition;
  Isolation isolation = Isolation::none;
  std::uint32_t lanes = 1;
  BatchPolicy batch;
  BreakerPolicy breaker;
  std::uint32_t rate_limit = 0;     // records per second that the handler is given, all lanes together; 0: no limit
  Millis timeout = std::chrono::seconds(30);  // of one process_batch
  std::uint32_t max_crashes = 3;    // so many hosts may end while they handle a record; then it is dead-lettered
  bool enabled = true;
  RetryPolicy retry;
  DeadLetterPolicy dead_letter;
  std::string plugin_sha256;        // hex, lower case: what the plugin's file must hash to; empty: whatever is there
  std::string cluster;              // key in HostConfig::clusters; empty: [kafka]
  std::string ledger;               // key in HostConfig::ledgers; empty: [ledger]
  // Of the group membership. Each also stands in `kafka` under librdkafka's name.
  Millis session_timeout = std::chrono::seconds(30);
  Millis heartbeat = std::chrono::seconds(3);
  Millis poll_interval = std::chrono::minutes(5);  // max.poll.interval.ms
  Assignment assignment = Assignment::automatic;
  std::string instance_id;          // static membership; empty: none
  // The cluster's properties, [handler.kafka] over them, and the handler's own keys over both. May hold passwords.
  Properties kafka;
  std::string config_json = "{}";   // [handler.config] as JSON
  std::string migrations;   // folder of the handler's own migrations; empty if none
  std::string where;        // file:line of the [[handler]] table, for messages
};

// A cluster: [kafka], or one of [kafka.clusters.NAME].
struct KafkaConfig {
  std::vector<std::string> brokers;
  std::string client_id = "hostler";
  Properties properties;             // librdkafka's, with what [kafka]'s keys for SASL and TLS mean; may hold passwords
  std::string schema_registry;       // URL; empty: none
};

// A database: [ledger], or one of [ledgers.NAME].
struct LedgerConfig {
  std::string url;                   // postgresql://… or sqlite:///…; empty: no ledger. Holds what role and password_file state.
  std::uint32_t max_sessions = 16;
  Millis retention = std::chrono::hours(24 * 30);  // how long settled ids are remembered
};

// The admin port.
struct HttpConfig {
  std::string listen = "127.0.0.1:9464";  // host:port; empty: no TCP
  std::string unix_socket;                // path; empty: none
  std::string token_file;                 // what callers must present; empty: nothing
  std::string tls_certificate, tls_key;   // PEM files; both or neither
  std::uint32_t max_connections = 128;
};

// Of topics that are declared without saying so.
struct TopicDefaults {
  std::int32_t partitions = 3;
  std::int32_t replication = -1;     // -1: the brokers' default
  Millis retention = std::chrono::hours(24 * 7);
};

struct HostConfig {
  std::string file;                           // it was read from; empty if built in a program
  std::vector<std::string> from_environment;  // variables that took effect
  std::string name = "hostler";
  std::vector<std::string> plugin_dirs;
  std::uint64_t memory_bytes = 512ULL << 20;  // for prefetched records, divided over all consumers
  std::string log_level = "info";
  LogFormat log_format = LogFormat::automatic;  // journald under systemd, human on a terminal, else json
  std::string log_file;                       // path; empty: stderr
  std::string state_dir;                      // folder of the crash journal; empty: as cli/state_dir.h finds one
  std::string audit_log;                      // path, for operators' actions; empty: none
  Millis drain_timeout = std::chrono::seconds(30);  // how long a stopping host lets handlers finish
  HttpConfig http;
  KafkaConfig kafka;
  std::map<std::string, KafkaConfig> clusters;
  LedgerConfig ledger;
  std::map<std::string, LedgerConfig> ledgers;
  TopicDefaults topics;
  std::vector<HandlerConfig> handlers;

  // What a handler chose. Precondition: the name is one of the maps' keys, or empty.
  [[nodiscard]] const KafkaConfig& cluster_of(const HandlerConfig& handler) const {
    return handler.cluster.empty() ? kafka : clusters.at(handler.cluster);
  }
  [[nodiscard]] const LedgerConfig& ledger_of(const HandlerConfig& handler) const {
    return handler.ledger.empty() ? ledger : ledgers.at(handler.ledger);
  }
};

}  // namespace hostler::core
