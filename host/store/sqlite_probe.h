// Asks a SQLite file whether it could be written now, on a connection of its own: writes a row and takes it back. Private to store/. Thread-safe.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>

#include "core/types.h"
#include "runtime/ledger.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_file.h"

namespace hostler::store {

class SqliteProbe {
 public:
  // `patience`: how long to wait for a writer outside this process.
  SqliteProbe(std::shared_ptr<SqliteFile> file, core::Millis patience) : file_(std::move(file)), patience_(patience) {}

  // While another session of this process has the writer's turn, only reads: whoever writes finds out by itself.
  runtime::LedgerStatus ask();

 private:
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };
  [[nodiscard]] runtime::LedgerResult<Identity> look_at_file() const;
  runtime::LedgerStatus connect();
  runtime::LedgerStatus read();
  runtime::LedgerStatus write();

  const std::shared_ptr<SqliteFile> file_;
  const core::Millis patience_;
  std::mutex mutex_;
  std::unique_ptr<SqliteConnection> connection_;  // guarded by mutex_
  Identity opened_;                               // of the file behind it
};

}  // namespace hostler::store
