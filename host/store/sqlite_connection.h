// One connection to a SQLite file: SOCI owns it, SqliteRaw serves what SOCI cannot do. WAL, synchronous=FULL, foreign keys enforced; set by SQL behind
// the busy timeout, because settings in SOCI's string come before it and fail when many connections open at once. Private to store/.
// Thread-safety: one thread at a time.
#pragma once

#include <soci/soci.h>

#include <memory>
#include <string>

#include "core/types.h"
#include "runtime/ledger.h"
#include "store/sqlite_raw.h"
#include "store/sqlite_statements.h"

namespace hostler::store {

class SqliteConnection {
 public:
  static runtime::LedgerResult<std::unique_ptr<SqliteConnection>> open(const std::string& path, core::Millis busy_timeout);

  [[nodiscard]] SqliteStatements& ledger() { return *ledger_; }
  [[nodiscard]] SqliteRaw& raw() { return *raw_; }
  [[nodiscard]] bool usable() const { return raw_->autocommit(); }

 private:
  explicit SqliteConnection(const std::string& path);

  soci::session session_;
  // Die before the session.
  std::unique_ptr<SqliteRaw> raw_;
  std::unique_ptr<SqliteStatements> ledger_;
};

// An exception of SOCI's as the ledger's error.
[[nodiscard]] runtime::LedgerError sqlite_error(const soci::soci_error& error);

}  // namespace hostler::store
