#include "store/pg_link.h"

#include <string>
#include <utility>

#include "store/pg_error.h"

namespace hostler::store {

using runtime::LedgerError;

PgLink::PgLink(PGconn* connection, std::shared_ptr<IoWatchdog> watchdog, core::Millis patience)
    : connection_(connection), patience_(patience), line_(std::move(watchdog), PQsocket(connection)) {}

// Whoever waited in vain for a lock or ran out of time is told for what.
LedgerError PgLink::named(LedgerError error) const {
  if (error.code == "55P03" || error.code == "57014") error.message = std::string(question_) + ": " + error.message;
  return error;
}

LedgerError PgLink::error(const PGresult* result, Author author) const {
  const bool answered = result != nullptr && PQresultErrorField(result, PG_DIAG_SQLSTATE) != nullptr;
  if (!answered && (result == nullptr || PQstatus(connection_) == CONNECTION_BAD)) return lost();
  return named(pg_error(result, author));
}

LedgerError PgLink::error(std::string_view sqlstate, std::string_view message, Author author) const {
  if (PQstatus(connection_) == CONNECTION_BAD) return lost();
  return named(pg_error(sqlstate, message, author));
}

LedgerError PgLink::lost() const {
  if (!cut()) return lost_connection(connection_);
  return {LedgerError::Kind::outage, "08006",
          "the database has not answered for " + std::to_string(patience_.count()) + " ms (" + question_ + "): its connection was cut, records wait"};
}

}  // namespace hostler::store
