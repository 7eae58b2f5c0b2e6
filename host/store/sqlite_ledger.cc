#include "store/sqlite_ledger.h"

#include <utility>

#include "store/sqlite_session.h"

namespace hostler::store {

using runtime::CommitOutcome;
using runtime::LedgerError;

SqliteLedger::SqliteLedger(std::shared_ptr<SqliteFile> file, const LedgerOptions& options, std::uint32_t max_sessions)
    : file_(std::move(file)),
      busy_timeout_(options.busy_timeout),
      pool_(std::make_shared<Pool<SqliteConnection>>(max_sessions)),
      probe_(file_, options.probe_timeout) {}

std::unique_ptr<runtime::LedgerSession> SqliteLedger::lease() {
  return std::make_unique<SqliteSession>(file_, busy_timeout_, pool_, pool_->take());
}

runtime::LedgerResult<std::vector<core::Mark>> SqliteLedger::take_over(std::string_view service, std::string_view cluster_id,
                                                                       std::span<const runtime::TakeOver> partitions) {
  SqliteSession session(file_, busy_timeout_, pool_, pool_->take());
  if (auto begun = session.begin(); !begun) return std::move(begun.error());
  auto marks = session.take_over(service, cluster_id, partitions);
  if (!marks) return marks;
  LedgerError why;
  if (session.commit(&why) != CommitOutcome::committed) return why;
  return marks;
}

runtime::LedgerResult<runtime::Expired> SqliteLedger::expire(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace from, std::uint32_t most) {
  SqliteSession session(file_, busy_timeout_, pool_, pool_->take());
  return session.expire(rules, from, most);
}

runtime::LedgerStatus SqliteLedger::probe() { return probe_.ask(); }

}  // namespace hostler::store
