// Reads ledger URLs: the only place that knows their form. Private to store/. Thread-safe.
#pragma once

#include <string>

#include "core/result.h"
#include "core/types.h"
#include "runtime/sql.h"
#include "store/open_ledger.h"

namespace hostler::store {

struct LedgerUrl {
  runtime::SqlDialect dialect = runtime::SqlDialect::postgresql;
  std::string target;  // PostgreSQL: libpq's keyword=value string with the options merged in (holds the password); SQLite: the path
  core::Millis connect_limit{0};  // PostgreSQL: how long it may take to get in, all hosts together; 0: for ever
};

core::Result<LedgerUrl> parse_ledger_url(const std::string& url, const LedgerOptions& options);

}  // namespace hostler::store
