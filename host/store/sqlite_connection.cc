#include "store/sqlite_connection.h"

#include <soci/sqlite3/soci-sqlite3.h>

namespace hostler::store {

SqliteConnection::SqliteConnection(const std::string& path)
    : session_(soci::sqlite3, "db=\"" + path + "\""),
      raw_(std::make_unique<SqliteRaw>(static_cast<soci::sqlite3_session_backend*>(session_.get_backend())->conn_)),
      ledger_(std::make_unique<SqliteStatements>(session_)) {}

runtime::LedgerResult<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path, core::Millis busy_timeout) {
  try {
    std::unique_ptr<SqliteConnection> made(new SqliteConnection(path));
    const std::string settings = "PRAGMA busy_timeout=" + std::to_string(busy_timeout.count()) +
                                 "; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON";
    if (auto error = made->raw().exec(settings.c_str())) {
      error->message = "the SQLite ledger " + path + " cannot be used: " + error->message;
      return std::move(*error);
    }
    return made;
  } catch (const soci::soci_error& e) {
    auto error = sqlite_error(e);
    error.message = "the SQLite ledger " + path + " cannot be opened: " + error.message;
    return error;
  }
}

runtime::LedgerError sqlite_error(const soci::soci_error& e) {
  const auto* known = dynamic_cast<const soci::sqlite3_soci_error*>(&e);
  if (known == nullptr) return {runtime::LedgerError::Kind::outage, "", e.get_error_message()};
  return sqlite_error(known->result(), e.get_error_message(), Author::ledger);
}

}  // namespace hostler::store
