// Reads ledger URLs: the only place that knows their form. Private to store/. Thread-safe.
#pragma once

#include <string>

#include "core/result.h"
#include "runtime/sql.h"
#include "store/open_ledger.h"

namespace hostler::store {

struct LedgerUrl {
  runtime::SqlDialect dialect = runtime::SqlDialect::postgresql;
  std::string target;  // PostgreSQL: libpq's keyword=value string with the options merged in (holds the password); SQLite: the path
};

core::Result<LedgerUrl> parse_ledger_url(const std::string& url, const LedgerOptions& options);

}  // namespace hostler::store
