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

// " while locking tuple (0,1) in relation …": the context of an error that tells which lock was not to be had.
std::string lock_in(std::string_view message) {
  constexpr std::string_view context = "CONTEXT:  ";
  const auto at = message.find(context);
  if (at == std::string_view::npos || !message.substr(at + context.size()).starts_with("while ")) return {};
  return " " + std::string(first_line(message.substr(at + context.size())));
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
  if (sqlstate == "55P03") error.message += lock_in(message);
  if (author == Author::ledger && (sqlstate == "42P01" || sqlstate == "42703" || sqlstate == "3F000"))
    error.message += ": the ledger's tables are missing or old, run `hostler ledger migrate`";
  return error;
}

runtime::LedgerError pg_error(const PGresult* result, Author author) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (state == nullptr) return {author == Author::handler ? Kind::handler : Kind::outage, "", std::string(first_line(PQresultErrorMessage(result)))};  // libpq's own
  const auto field = [&](int which) {
    const char* text = PQresultErrorField(result, which);
    return std::string(text == nullptr ? "" : text);
  };
  return pg_error(state, field(PG_DIAG_MESSAGE_PRIMARY) + "\nCONTEXT:  " + field(PG_DIAG_CONTEXT), author);
}

runtime::LedgerError lost_connection(const PGconn* connection) {
  const auto text = first_line(connection == nullptr ? "" : PQerrorMessage(connection));
  return {Kind::outage, "08006", text.empty() ? "the connection to the database was lost" : std::string(text)};
}

}  // namespace hostler::store
