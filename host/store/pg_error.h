// What PostgreSQL's errors mean for the host, by sqlstate. Private to store/. Thread-safe.
#pragma once

#include <libpq-fe.h>

#include <string>
#include <string_view>

#include "runtime/ledger.h"
#include "store/author.h"

namespace hostler::store {

[[nodiscard]] runtime::LedgerError::Kind kind_of_sqlstate(std::string_view sqlstate, Author author);
// Of a result that is an error, and not of a connection that was lost: see PgLink.
[[nodiscard]] runtime::LedgerError pg_error(const PGresult* result, Author author);
// From what SOCI's exceptions carry.
[[nodiscard]] runtime::LedgerError pg_error(std::string_view sqlstate, std::string_view message, Author author);
[[nodiscard]] runtime::LedgerError lost_connection(const PGconn* connection);

}  // namespace hostler::store
