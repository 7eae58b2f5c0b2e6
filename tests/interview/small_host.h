// A host of a hundred lines for one handler of interview.so: takes records, gives verdicts, writes what done records enqueued to a
// SQLite file that its migrations made. No Kafka, no ledger. One thread.
#pragma once

#include <hostler/ext/log.h>
#include <hostler/ext/sql.h>
#include <hostler/ext/verdict.h>
#include <hostler/plugin.h>
#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/sqlite.h"
#include "support/temp_dir.h"

namespace hostler::testing {

// The tables of the plugin's migrations in a file of its own.
class InterviewDatabase {
 public:
  InterviewDatabase();
  [[nodiscard]] Database& tables() { return tables_; }
  // Runs one statement with parameters; throws with SQLite's message.
  void run(const std::string& sql, const std::vector<hostler_sql_value>& params);

 private:
  struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close(connection); }
  };
  TempDir folder_;
  Sqlite tables_;
  std::unique_ptr<sqlite3, Close> writer_;
};

struct TestRecord {
  std::optional<std::string> key, value;
  std::int64_t timestamp_ms = 1'760'000'000'000;
  std::uint32_t attempt = 1;
  std::string event_id = {}; // as a host would have found it
  std::int32_t timestamp_type = HOSTLER_TIMESTAMP_CREATE;
};

struct Answer {
  std::uint8_t verdict = HOSTLER_UNSET;
  std::string reason;
  std::size_t statements = 0; // enqueued
};

class SmallHost {
 public:
  // Throws with the plugin's words when it refuses the configuration.
  SmallHost(InterviewDatabase& database, const std::string& handler_id, const std::string& config = "{}");
  ~SmallHost();
  SmallHost(const SmallHost&) = delete;
  SmallHost& operator=(const SmallHost&) = delete;

  Answer handle(const TestRecord& record);

  [[nodiscard]] static const hostler_plugin& plugin(); // loaded once
  // What validate_config says; empty: fine.
  [[nodiscard]] static std::string complaint(const std::string& handler_id, const std::string& config);

 private:
  struct Statement {
    std::string sql;
    std::vector<hostler_sql_value> params;
    std::vector<std::unique_ptr<std::string>> bytes; // what the parameters point to
  };

  static SmallHost& of(const hostler_host* host) { return *static_cast<SmallHost*>(host->host_data); }
  static const void* extension(const hostler_host* host, const char* id) noexcept;
  static hostler_status enqueue(const hostler_host* host, void* batch, std::uint32_t record, hostler_str sql,
                                const hostler_sql_value* params, std::uint32_t count) noexcept;
  static hostler_status query(const hostler_host* host, void* batch, std::uint32_t record,
                              std::uint32_t flags, hostler_str sql, const hostler_sql_value* params,
                              std::uint32_t count,
                              hostler_status (*on_row)(void*, const hostler_sql_value*,
                                                       std::uint32_t) noexcept,
                              void* ctx, hostler_error* error) noexcept;
  static hostler_status explain(const hostler_host* host, void* batch, std::uint32_t record,
                                std::int32_t code, hostler_str reason, hostler_str detail,
                                std::int64_t not_before_ms) noexcept;

  InterviewDatabase& database_;
  hostler_host host_{};
  hostler_handler* handler_ = nullptr;
  hostler_lane* lane_ = nullptr;
  std::vector<Statement> statements_;
  std::string reason_;
};

} // namespace hostler::testing
