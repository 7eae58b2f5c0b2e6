#include "store/pg_error.h"

#include <algorithm>

namespace hostler::store {
namespace {

using Kind = runtime::LedgerError::Kind;

std::string_view first_line(std::string_view text) {
  for (const std::string_view prefix : {"ERROR:  ", "FATAL:  ", "PANIC:  "})
    if (const auto at = text.find(prefix); at != std::string_view::npos) text.remove_prefix(at + prefix.size());
  return text.substr(0, text.find('\n'));
}

// Class 22 quotes the offending value ("invalid input syntax for type integer: "abc""): personal data that must not reach logs and letters.
std::string without_values(std::string_view message) {
  std::string out;
  bool quoted = false;
  for (const char c : message) {
    if (c == '"') {
      if (!quoted) out += "\"…\"";
      quoted = !quoted;
    } else if (!quoted) {
      out += c;
    }
  }
  return out;
}

}  // namespace

Kind kind_of_sqlstate(std::string_view sqlstate, Author author) {
  const auto cls = sqlstate.substr(0, 2);
  if (sqlstate == "40001" || sqlstate == "40P01" || sqlstate == "55P03") return Kind::again;
  // A statement given too few or too many parameters is a "protocol violation"; the connection lives on.
  if (sqlstate == "08P01" && author == Author::handler) return Kind::handler;
  // A key too large for its index: the record's data, although not class 22.
  if (cls == "22" || cls == "23" || sqlstate == "54000") return Kind::record;
  if (sqlstate == "25006" || cls == "08" || cls == "53" || cls == "57" || cls == "58") return Kind::outage;
  return author == Author::handler ? Kind::handler : Kind::outage;
}

runtime::LedgerError pg_error(std::string_view sqlstate, std::string_view message, Author author) {
  runtime::LedgerError error{kind_of_sqlstate(sqlstate, author), std::string(sqlstate), std::string(first_line(message))};
  if (sqlstate.starts_with("22")) error.message = without_values(error.message);
  if (author == Author::ledger && (sqlstate == "42P01" || sqlstate == "42703" || sqlstate == "3F000"))
    error.message += ": the ledger's tables are missing or old, run `hostler ledger migrate`";
  return error;
}

runtime::LedgerError pg_error(const PGresult* result, const PGconn* connection, Author author) {
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (state == nullptr) {
    if (result == nullptr || PQstatus(connection) == CONNECTION_BAD) return lost_connection(connection);
    return {author == Author::handler ? Kind::handler : Kind::outage, "", std::string(first_line(PQresultErrorMessage(result)))};  // libpq's own
  }
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return pg_error(state, primary == nullptr ? "" : primary, author);
}

runtime::LedgerError lost_connection(const PGconn* connection) {
  const auto text = first_line(connection == nullptr ? "" : PQerrorMessage(connection));
  return {Kind::outage, "08006", text.empty() ? "the connection to the database was lost" : std::string(text)};
}

}  // namespace hostler::store
