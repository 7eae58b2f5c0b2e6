// MigrationTarget on PostgreSQL: an advisory lock of the session keeps others out, however this process dies.
#include <charconv>
#include <string_view>
#include <utility>

#include "runtime/failpoint.h"
#include "store/migration_files.h"
#include "store/migration_target.h"
#include "store/pg_connection.h"

namespace hostler::store {
namespace {

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

constexpr const char* lock_key = "5219545003054690674";  // "Hostler" and a digit, as a bigint

// The server counts characters from 1.
std::size_t byte_of_character(std::string_view text, std::size_t character) {
  std::size_t byte = 0;
  for (std::size_t seen = 0; byte < text.size(); ++byte) {
    if ((static_cast<unsigned char>(text[byte]) & 0xC0) != 0x80) ++seen;
    if (seen == character) break;
  }
  return byte;
}

class PgTarget final : public MigrationTarget {
 public:
  explicit PgTarget(std::shared_ptr<const PgAccess> access) : access_(std::move(access)) {}

  core::Result<std::vector<JournalRow>> journal() override {
    if (auto error = connect()) return std::move(*error);
    auto there = query("SELECT 1 WHERE to_regclass('hostler_migration') IS NOT NULL");
    if (!there) return std::move(there.error());
    std::vector<JournalRow> out;
    if (PQntuples(there->get()) == 0) return out;
    auto rows = query("SELECT owner, name, checksum FROM hostler_migration");
    if (!rows) return std::move(rows.error());
    for (int i = 0; i < PQntuples(rows->get()); ++i)
      out.push_back({PQgetvalue(rows->get(), i, 0), PQgetvalue(rows->get(), i, 1), PQgetvalue(rows->get(), i, 2)});
    return out;
  }

  core::Status<> lock() override {
    if (auto error = connect()) return std::move(*error);
    connection_->link().set_patience({});  // a migration may take hours, and somebody looks on
    const std::string take = std::string("SELECT pg_advisory_lock(") + lock_key + ")";
    // The role's limits are meant for other work.
    for (const char* sql : {"SET statement_timeout = 0", "SET lock_timeout = '60s'", take.c_str(), "SET lock_timeout = 0",
                            "CREATE TABLE IF NOT EXISTS hostler_migration (owner varchar(100) NOT NULL, name varchar(255) NOT NULL, checksum char(64) NOT NULL, "
                            "applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (owner, name))"})
      if (auto done = connection_->exec(sql); !done) {
        const bool waited = done.error().code == "55P03";
        auto message = waited ? "another host has been migrating the database for a minute: try again when it is done" : "cannot prepare the migration: " + done.error().message;
        connection_.reset();
        return core::Error{std::move(message)};
      }
    return core::Status<>::success();
  }

  void unlock() override { connection_.reset(); }  // the lock ends with the session, and so do the settings

  core::Status<> apply(const Migration& m) override {
    if (auto begun = connection_->exec("BEGIN"); !begun) return core::Error{m.file + ": " + begun.error().message};
    const Result result(PQexec(connection_->raw(), m.sql.c_str()), &PQclear);
    if (const auto s = PQresultStatus(result.get()); s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK && s != PGRES_EMPTY_QUERY) return failed(m, result.get());
    if (PQtransactionStatus(connection_->raw()) != PQTRANS_INTRANS)
      return core::Error{m.file + " ends its transaction: a migration must not hold BEGIN, COMMIT or ROLLBACK"};
    if (runtime::failpoint("migrate")) {
      if (!connection_->exec("ROLLBACK")) connection_.reset();
      return core::Error{m.file + ": failed on purpose"};
    }
    const char* values[] = {m.owner.c_str(), m.name.c_str(), m.checksum.c_str()};
    const Result row(PQexecParams(connection_->raw(), "INSERT INTO hostler_migration (owner, name, checksum) VALUES ($1, $2, $3)", 3, nullptr, values,
                                  nullptr, nullptr, 0), &PQclear);
    if (PQresultStatus(row.get()) != PGRES_COMMAND_OK) return failed(m, row.get());
    auto committed = connection_->exec("COMMIT");
    if (!committed) return core::Error{m.file + ": " + committed.error().message};
    if (*committed != "COMMIT") return core::Error{m.file + ": the database answered COMMIT with " + *committed};
    return core::Status<>::success();
  }

 private:
  std::optional<core::Error> connect() {
    if (connection_ && PQstatus(connection_->raw()) == CONNECTION_OK) return std::nullopt;
    auto made = PgConnection::connect(access_, access_->answer_timeout);
    if (!made) return core::Error{made.error().message};
    connection_ = std::move(*made);
    return std::nullopt;
  }

  core::Result<Result> query(const char* sql) {
    Result result = connection_->ask(sql);
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
      return core::Error{"cannot read the journal of migrations: " + connection_->link().error(result.get(), Author::handler).message};
    return result;
  }

  core::Error failed(const Migration& m, const PGresult* result) {
    const auto error = connection_->link().error(result, Author::handler);
    std::string where = m.file;
    if (const char* position = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION)) {
      std::size_t character = 1;
      std::from_chars(position, position + std::char_traits<char>::length(position), character);
      where += ":" + std::to_string(line_of(m.sql, byte_of_character(m.sql, character)));
    }
    if (!connection_->exec("ROLLBACK")) connection_.reset();
    return {where + ": " + error.message + (error.code.empty() ? "" : " (" + error.code + ")")};
  }

  const std::shared_ptr<const PgAccess> access_;
  std::unique_ptr<PgConnection> connection_;
};

}  // namespace

std::unique_ptr<MigrationTarget> make_pg_target(std::shared_ptr<const PgAccess> access) { return std::make_unique<PgTarget>(std::move(access)); }

}  // namespace hostler::store
