#include "store/pg_connection.h"

#include <poll.h>
#include <soci/postgresql/soci-postgresql.h>

#include "store/pg_error.h"

namespace hostler::store {

PgConnection::PgConnection(const std::string& conninfo)
    : session_(soci::postgresql, conninfo), raw_(static_cast<soci::postgresql_session_backend*>(session_.get_backend())->conn_) {
  // Notices would go to stderr.
  PQsetNoticeReceiver(raw_, [](void*, const PGresult*) {}, nullptr);
  ledger_ = std::make_unique<PgStatements>(session_);
  pipeline_ = std::make_unique<PgPipeline>(raw_);
}

runtime::LedgerResult<std::unique_ptr<PgConnection>> PgConnection::connect(const std::string& conninfo) {
  try {
    return std::unique_ptr<PgConnection>(new PgConnection(conninfo));
  } catch (const soci::soci_error& e) {
    // One line per address tried; SOCI puts a sentence of its own before them.
    std::string message = e.get_error_message();
    if (const auto end = message.find('\n'); end != std::string::npos && message.starts_with("Cannot establish")) message.erase(0, end + 1);
    while (!message.empty() && message.back() == '\n') message.pop_back();
    for (auto at = message.find('\n'); at != std::string::npos; at = message.find('\n', at)) message.replace(at, 1, "; ");
    return runtime::LedgerError{runtime::LedgerError::Kind::outage, "08001", "cannot connect to the ledger's database: " + message};
  }
}

runtime::LedgerResult<std::string> PgConnection::exec(const char* sql) {
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(raw_, sql), &PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return pg_error(result.get(), raw_, Author::ledger);
  return std::string(PQcmdStatus(result.get()));
}

bool PgConnection::usable() const {
  if (PQstatus(raw_) != CONNECTION_OK || PQtransactionStatus(raw_) != PQTRANS_IDLE || pipeline_->tainted()) return false;
  pollfd socket{PQsocket(raw_), POLLIN, 0};
  return poll(&socket, 1, 0) == 0;
}

}  // namespace hostler::store
