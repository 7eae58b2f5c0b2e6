// MigrationTarget on SQLite: the file's owner lock keeps other processes out, the writers' queue the own threads, BEGIN IMMEDIATE everybody else.
#include <filesystem>
#include <utility>

#include "runtime/failpoint.h"
#include "store/migration_files.h"
#include "store/migration_target.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_file.h"

namespace hostler::store {
namespace {

class SqliteTarget final : public MigrationTarget {
 public:
  SqliteTarget(std::string path, core::Millis busy_timeout) : path_(std::move(path)), busy_timeout_(busy_timeout) {}
  ~SqliteTarget() override { unlock(); }
  SqliteTarget(const SqliteTarget&) = delete;
  SqliteTarget& operator=(const SqliteTarget&) = delete;

  // Needs no ownership, so that `check` can look while a host runs.
  core::Result<std::vector<JournalRow>> journal() override {
    std::vector<JournalRow> out;
    std::error_code error;
    if (!connection_ && !std::filesystem::exists(path_, error)) return out;
    if (auto failed = connect()) return std::move(*failed);
    bool there = false;
    auto failed = connection_->raw().rows("SELECT 1 FROM sqlite_schema WHERE name = 'hostler_migration'", {}, [&](const auto&) { there = true; });
    if (!failed && there)
      failed = connection_->raw().rows("SELECT owner, name, checksum FROM hostler_migration", {}, [&](const auto& r) { out.push_back({r[0], r[1], r[2]}); });
    if (failed) return core::Error{path_ + ": cannot read the journal of migrations: " + failed->message};
    return out;
  }

  core::Status<> lock() override {
    auto file = SqliteFile::own(path_);
    if (!file) return std::move(file.error());
    if (auto error = connect()) return std::move(*error);
    (*file)->enter_writing();
    file_ = std::move(*file);
    if (auto failed = connection_->raw().exec("CREATE TABLE IF NOT EXISTS hostler_migration (owner text NOT NULL, name text NOT NULL, checksum text NOT NULL, "
                                              "applied_at text NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), PRIMARY KEY (owner, name))")) {
      unlock();
      return core::Error{path_ + ": cannot prepare the migration: " + failed->message};
    }
    return core::Status<>::success();
  }

  void unlock() override {
    if (file_) file_->leave_writing();
    connection_.reset();
    file_.reset();
  }

  core::Status<> apply(const Migration& m) override {
    auto& raw = connection_->raw();
    if (auto error = raw.exec("BEGIN IMMEDIATE")) return core::Error{m.file + ": " + error->message};
    if (auto failure = raw.run_script(m.sql)) {
      if (!raw.autocommit()) raw.exec("ROLLBACK");
      return core::Error{m.file + ":" + std::to_string(line_of(m.sql, failure->offset)) + ": " + failure->error.message};
    }
    if (raw.autocommit()) return core::Error{m.file + " ends its transaction: a migration must not hold BEGIN, COMMIT or ROLLBACK"};
    if (runtime::failpoint("migrate")) {
      raw.exec("ROLLBACK");
      return core::Error{m.file + ": failed on purpose"};
    }
    auto error = raw.rows("INSERT INTO hostler_migration (owner, name, checksum) VALUES (?1, ?2, ?3)", {m.owner, m.name, m.checksum}, nullptr);
    if (!error) error = raw.exec("COMMIT");
    if (!error) return core::Status<>::success();
    if (!raw.autocommit()) raw.exec("ROLLBACK");
    return core::Error{m.file + ": " + error->message};
  }

 private:
  std::optional<core::Error> connect() {
    if (connection_) return std::nullopt;
    auto made = SqliteConnection::open(path_, busy_timeout_);
    if (!made) return core::Error{made.error().message};
    connection_ = std::move(*made);
    return std::nullopt;
  }

  const std::string path_;
  const core::Millis busy_timeout_;
  std::unique_ptr<SqliteConnection> connection_;
  std::shared_ptr<SqliteFile> file_;  // while locked
};

}  // namespace

std::unique_ptr<MigrationTarget> make_sqlite_target(std::string path, core::Millis busy_timeout) {
  return std::make_unique<SqliteTarget>(std::move(path), busy_timeout);
}

}  // namespace hostler::store
