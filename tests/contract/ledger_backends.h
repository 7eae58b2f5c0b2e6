// The ledgers that the contract suite runs on: in memory, SQLite, PostgreSQL. Each test has its own, migrated and empty.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fakes/memory_ledger.h"
#include "runtime/ledger.h"
#include "store/migrator.h"
#include "store/open_ledger.h"
#include "support/catch.h"
#include "support/postgres.h"
#include "support/sqlite.h"
#include "support/temp_dir.h"

namespace hostler::testing {

class LedgerBackend {
 public:
  virtual ~LedgerBackend() = default;
  virtual runtime::Ledger& ledger() = 0;
  // What is committed, seen from outside; "" where there is no row.
  virtual std::string id_state(const std::string& service, const std::string& id) = 0;
  virtual std::string event_type(const std::string& service, const std::string& id) = 0;
  virtual std::string acked(const std::string& service, const std::string& topic, int partition) = 0;
  virtual std::size_t id_count(const std::string& service) = 0;
  // A service's ids (or only one of them) were processed so much earlier.
  virtual void make_older(const std::string& service, std::chrono::hours age, const std::string& only = "") = 0;
};

class MemoryBackend final : public LedgerBackend {
 public:
  MemoryLedger& ledger() override { return ledger_; }
  std::string id_state(const std::string& service, const std::string& id) override {
    const auto ids = ledger_.ids();
    const auto it = ids.find({service, id});
    if (it == ids.end()) return "";
    constexpr const char* names[] = {"done", "retry", "dead", "parked"};
    return names[static_cast<std::size_t>(it->second.state)];
  }
  std::string event_type(const std::string& service, const std::string& id) override {
    const auto ids = ledger_.ids();
    const auto it = ids.find({service, id});
    return it == ids.end() ? "" : it->second.event_type;
  }
  std::string acked(const std::string& service, const std::string& topic, int partition) override {
    const auto mark = ledger_.mark(service, topic, partition);
    return mark ? std::to_string(mark->acked.value) : "";
  }
  std::size_t id_count(const std::string& service) override {
    const auto ids = ledger_.ids();
    return static_cast<std::size_t>(std::count_if(ids.begin(), ids.end(), [&](const auto& id) { return id.first.first == service; }));
  }
  void make_older(const std::string& service, std::chrono::hours age, const std::string& only) override { ledger_.make_older(service, age, only); }

 private:
  MemoryLedger ledger_;
};

// Migrates and opens `url`; throws what goes wrong.
inline std::unique_ptr<runtime::Ledger> open_migrated(const std::string& url, std::uint32_t max_sessions = 8,
                                                      const store::LedgerOptions& options = {}) {
  const core::LedgerConfig config{url, max_sessions};
  auto migrator = store::open_migrator(config, options);
  if (!migrator) throw std::runtime_error(migrator.error().message);
  if (auto applied = (*migrator)->apply(); !applied) throw std::runtime_error(applied.error().message);
  auto ledger = store::open_ledger(config, options);
  if (!ledger) throw std::runtime_error(ledger.error().message);
  return std::move(*ledger);
}

class DatabaseBackend : public LedgerBackend {
 public:
  virtual Database& database() = 0;
  std::string id_state(const std::string& service, const std::string& id) override { return column("state", service, id); }
  std::string event_type(const std::string& service, const std::string& id) override { return column("event_type", service, id); }
  std::string acked(const std::string& service, const std::string& topic, int partition) override {
    return database().value("SELECT acked_offset FROM hostler_mark WHERE service = '" + service + "' AND topic = '" + topic +
                            "' AND partition = " + std::to_string(partition));
  }
  std::size_t id_count(const std::string& service) override {
    return static_cast<std::size_t>(database().number("SELECT count(*) FROM processed_events WHERE service_name = '" + service + "'"));
  }
  void make_older(const std::string& service, std::chrono::hours age, const std::string& only) override {
    const std::string hours = std::to_string(age.count()) + " hours'";
    const std::string earlier = ledger().dialect() == runtime::SqlDialect::sqlite ? "strftime('%Y-%m-%dT%H:%M:%fZ', processed_at, '-" + hours + ")"
                                                                                  : "processed_at - interval '" + hours;
    database().exec("UPDATE processed_events SET processed_at = " + earlier + " WHERE service_name = '" + service + "'" +
                    (only.empty() ? "" : " AND event_id = '" + only + "'"));
  }

 private:
  std::string column(const std::string& name, const std::string& service, const std::string& id) {
    return database().value("SELECT " + name + " FROM processed_events WHERE service_name = '" + service + "' AND event_id = '" + id + "'");
  }
};

class SqliteBackend final : public DatabaseBackend {
 public:
  explicit SqliteBackend(std::uint32_t max_sessions = 8, const store::LedgerOptions& options = {})
      : ledger_(open_migrated(url(), max_sessions, options)), database_(file()) {}
  [[nodiscard]] std::filesystem::path file() const { return folder_ / "ledger.db"; }
  [[nodiscard]] std::string url() const { return "sqlite://" + file().string(); }
  runtime::Ledger& ledger() override { return *ledger_; }
  Database& database() override { return database_; }

 private:
  TempDir folder_;
  std::unique_ptr<runtime::Ledger> ledger_;
  Sqlite database_;
};

class PostgresBackend final : public DatabaseBackend {
 public:
  explicit PostgresBackend(std::uint32_t max_sessions = 8, const store::LedgerOptions& options = {})
      : ledger_(open_migrated(schema_.url(), max_sessions, options)), database_(schema_.url()) {}
  [[nodiscard]] std::string url() const { return schema_.url(); }
  runtime::Ledger& ledger() override { return *ledger_; }
  Database& database() override { return database_; }

 private:
  PostgresSchema schema_;
  std::unique_ptr<runtime::Ledger> ledger_;
  Postgres database_;
};

enum class Store { memory, sqlite, postgresql };
inline std::unique_ptr<LedgerBackend> make_backend(Store store) {
  switch (store) {
    case Store::memory: return std::make_unique<MemoryBackend>();
    case Store::sqlite: return std::make_unique<SqliteBackend>();
    case Store::postgresql: return std::make_unique<PostgresBackend>();
  }
  return nullptr;
}

inline std::unique_ptr<DatabaseBackend> make_database(Store store) {
  if (store == Store::sqlite) return std::make_unique<SqliteBackend>();
  return std::make_unique<PostgresBackend>();
}

// Use as: HOSTLER_ON_EVERY_LEDGER(backend); runs the rest of the test case once on each.
#define HOSTLER_ON_EVERY_LEDGER(backend)                                                                                            \
  const auto backend##_store = GENERATE(::hostler::testing::Store::memory, ::hostler::testing::Store::sqlite,                       \
                                        ::hostler::testing::Store::postgresql);                                                     \
  INFO("ledger " << (backend##_store == ::hostler::testing::Store::memory ? "in memory"                                             \
                     : backend##_store == ::hostler::testing::Store::sqlite ? "SQLite" : "PostgreSQL"));                            \
  const auto backend = ::hostler::testing::make_backend(backend##_store)
#define HOSTLER_ON_EVERY_DATABASE(backend)                                                                                          \
  const auto backend##_store = GENERATE(::hostler::testing::Store::sqlite, ::hostler::testing::Store::postgresql);                  \
  INFO("ledger on " << (backend##_store == ::hostler::testing::Store::sqlite ? "SQLite" : "PostgreSQL"));                           \
  const auto backend = ::hostler::testing::make_database(backend##_store)

// -- short names for what the tests build --

// Rows of ids that live as long as this.
class IdRows {
 public:
  explicit IdRows(std::vector<std::string> ids, std::string_view topic = "orders") : ids_(std::move(ids)) {
    for (std::size_t i = 0; i < ids_.size(); ++i) rows_.push_back({ids_[i], "order.created", topic, {0}, {static_cast<std::int64_t>(i)}});
  }
  IdRows(const IdRows&) = delete;
  IdRows& operator=(const IdRows&) = delete;
  operator std::span<const runtime::IdRow>() const { return rows_; }  // NOLINT: implicit on purpose

 private:
  std::vector<std::string> ids_;
  std::vector<runtime::IdRow> rows_;
};

// Claims in the session's open transaction; throws the error.
inline std::vector<int> claim(runtime::LedgerSession& session, const std::vector<std::string>& ids, std::string_view service = "svc") {
  const IdRows rows(ids);
  std::vector<std::uint8_t> flags(ids.size(), 7);
  if (auto done = session.claim_ids(service, rows, flags); !done) throw std::runtime_error(done.error().code + " " + done.error().message);
  return {flags.begin(), flags.end()};
}

inline std::vector<int> find(runtime::LedgerSession& session, const std::vector<std::string>& ids, std::string_view service = "svc") {
  const IdRows rows(ids);
  std::vector<std::uint8_t> flags(ids.size(), 7);
  if (auto done = session.find_ids(service, rows, flags); !done) throw std::runtime_error(done.error().code + " " + done.error().message);
  return {flags.begin(), flags.end()};
}

inline void begin(runtime::LedgerSession& session) {
  if (auto begun = session.begin(); !begun) throw std::runtime_error(begun.error().code + " " + begun.error().message);
}

inline void commit(runtime::LedgerSession& session) {
  runtime::LedgerError why;
  if (session.commit(&why) != runtime::CommitOutcome::committed) throw std::runtime_error("not committed: " + why.code + " " + why.message);
}

inline core::Mark take_over(runtime::Ledger& ledger, const std::string& topic = "orders", int partition = 0, std::int64_t start = 0,
                            std::string_view service = "svc") {
  const std::vector<runtime::TakeOver> wanted{{{topic, {partition}}, {start}}};
  auto marks = ledger.take_over(service, "cluster-1", wanted);
  if (!marks) throw std::runtime_error(marks.error().code + " " + marks.error().message);
  return marks->front();
}

inline runtime::MarkMove move_of(const core::Mark& mark, std::int64_t to, std::string_view topic = "orders", int partition = 0) {
  return {{topic, mark.topic_id, {partition}}, mark, {to}, {-1}, {to - 1}, core::from_epoch_ms(1'700'000'000'123), 0xFEDC'BA98'7654'3210ULL};
}

inline bool fence(runtime::LedgerSession& session, const runtime::MarkMove& move, std::string_view service = "svc") {
  auto held = session.fence(service, move);
  if (!held) throw std::runtime_error(held.error().code + " " + held.error().message);
  return *held;
}

inline runtime::OriginKey origin(std::int64_t offset, std::string_view topic = "orders", int partition = 0) { return {topic, 1, {partition}, {offset}}; }

inline runtime::SqlValue text(std::string_view s) { return {runtime::SqlType::text, 0, 0, core::Bytes(s)}; }
inline runtime::SqlValue blob(std::string_view s) { return {runtime::SqlType::blob, 0, 0, core::Bytes(s)}; }
inline runtime::SqlValue integer(std::int64_t i) { return {runtime::SqlType::integer, i, 0, {}}; }

}  // namespace hostler::testing
