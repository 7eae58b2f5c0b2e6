#include "store/open_ledger.h"

#include "store/ledger_url.h"
#include "store/pg_ledger.h"
#include "store/sqlite_ledger.h"

namespace hostler::store {

core::Result<std::unique_ptr<runtime::Ledger>> open_ledger(const core::LedgerConfig& config, const LedgerOptions& options) {
  auto url = parse_ledger_url(config.url, options);
  if (!url) return std::move(url.error());
  if (url->dialect == runtime::SqlDialect::postgresql)
    return std::unique_ptr<runtime::Ledger>(std::make_unique<PgLedger>(std::make_shared<PgAccess>(std::move(*url), options), config.max_sessions));

  auto file = SqliteFile::own(url->target);
  if (!file) return std::move(file.error());
  // A file that cannot be used for good is the configuration's fault: say so now.
  if (auto probe = SqliteConnection::open(url->target, options.busy_timeout); !probe) return core::Error{probe.error().message};
  return std::unique_ptr<runtime::Ledger>(std::make_unique<SqliteLedger>(std::move(*file), options, config.max_sessions));
}

}  // namespace hostler::store
