#include "store/sqlite_probe.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace hostler::store {
namespace {

using runtime::LedgerError;
using runtime::LedgerStatus;

LedgerStatus status(std::optional<LedgerError> error) {
  if (error) return std::move(*error);
  return LedgerStatus::success();
}

}  // namespace

LedgerStatus SqliteProbe::ask() {
  const std::lock_guard lock(mutex_);
  if (auto connected = connect(); !connected) return connected;
  auto seen = look_at_file();
  if (!seen) return std::move(seen.error());
  if (*seen != opened_)
    return LedgerError{LedgerError::Kind::outage, "SQLITE_CANTOPEN",
                       "the SQLite ledger " + file_->path() + " was replaced by another file: what is settled now goes to the old one; restart the host"};
  if (!file_->try_enter_writing()) return read();
  auto written = write();
  file_->leave_writing();
  return written;
}

// SQLite goes on with a file that was deleted or replaced, and says nothing.
runtime::LedgerResult<SqliteProbe::Identity> SqliteProbe::look_at_file() const {
  struct stat found {};
  if (::stat(file_->path().c_str(), &found) == 0) return Identity{found.st_dev, found.st_ino};
  return LedgerError{LedgerError::Kind::outage, "SQLITE_CANTOPEN", "the SQLite ledger " + file_->path() + ": " + std::strerror(errno)};
}

LedgerStatus SqliteProbe::connect() {
  if (connection_) return LedgerStatus::success();
  auto found = look_at_file();
  if (!found) return std::move(found.error());
  auto made = SqliteConnection::open(file_->path(), patience_);
  if (!made) return std::move(made.error());
  connection_ = std::move(*made);
  opened_ = *found;
  return LedgerStatus::success();
}

LedgerStatus SqliteProbe::read() { return status(connection_->raw().exec("SELECT 1 FROM hostler_mark LIMIT 1")); }

LedgerStatus SqliteProbe::write() {
  auto& raw = connection_->raw();
  auto error = raw.exec("BEGIN IMMEDIATE");
  if (error) return std::move(*error);
  error = raw.exec("INSERT INTO hostler_mark (service, topic, topic_id, partition, next_offset) VALUES ('', '', 0, 0, 0)");
  if (!error) error = raw.flush();
  if (!raw.autocommit() && raw.exec("ROLLBACK")) connection_.reset();
  return status(std::move(error));
}

}  // namespace hostler::store
