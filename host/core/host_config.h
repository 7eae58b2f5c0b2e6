// HostConfig: everything the host was told, immutable once read. Declared here so that every folder can read it;
// config/ fills it from TOML and the environment, with defaults merged into each handler.
// Thread-safety: written once before any thread starts, then read only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

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
enum class Start : std::uint8_t { earliest, latest };
enum class OnMissingId : std::uint8_t { reject, origin };
enum class SqlErrorVerdict : std::uint8_t { retry, reject };

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

using Properties = std::map<std::string, std::string>;  // librdkafka's names and values, as is

struct HandlerConfig {
  std::string name;         // service_name in the ledger
  std::string plugin;       // file as written: absolute, or looked for in plugin_dirs
  std::string handler;      // which of the plugin's handlers
  std::vector<std::string> topics;  // names, and patterns with *
  std::string group;
  std::optional<Start> start;       // required; there is no silent default for a new group
  Idempotency idempotency = Idempotency::event_id;
  FieldLocator event_id;
  FieldLocator event_type;
  OnMissingId on_missing_id = OnMissingId::reject;
  SqlErrorVerdict on_sql_error = SqlErrorVerdict::retry;
  std::uint32_t lanes = 1;
  BatchPolicy batch;
  Millis timeout = std::chrono::seconds(30);  // of one process_batch
  bool enabled = true;
  RetryPolicy retry;
  DeadLetterPolicy dead_letter;
  Properties kafka;         // [kafka.properties] with [handler.kafka] over it
  std::string config_json = "{}";   // [handler.config] as JSON
  std::string migrations;   // folder of the handler's own migrations; empty if none
  std::string where;        // file:line of the [[handler]] table, for messages
};

struct KafkaConfig {
  std::vector<std::string> brokers;
  std::string client_id = "hostler";
  Properties properties;
};

struct LedgerConfig {
  std::string url;          // postgresql://… or sqlite:///…; empty: no ledger
  std::uint32_t max_sessions = 16;
};

struct HostConfig {
  std::string file;                           // it was read from; empty if built in a program
  std::vector<std::string> from_environment;  // variables that took effect
  std::string name = "hostler";
  std::vector<std::string> plugin_dirs;
  std::uint64_t memory_bytes = 512ULL << 20;  // for prefetched records, divided over all consumers
  std::string log_level = "info";
  KafkaConfig kafka;
  LedgerConfig ledger;
  std::vector<HandlerConfig> handlers;
};

}  // namespace hostler::core
