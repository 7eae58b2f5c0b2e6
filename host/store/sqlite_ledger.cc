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

runtime::LedgerStatus SqliteLedger::add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) {
  if (suspects.empty()) return runtime::LedgerStatus::success();
  SqliteSession session(file_, busy_timeout_, pool_, pool_->take());
  if (auto begun = session.begin(); !begun) return begun;
  if (auto added = session.add_suspects(run, suspects); !added) return added;
  LedgerError why;
  // Unknown is safe to repeat: of one run a record is counted once.
  if (session.commit(&why) != CommitOutcome::committed) return why;
  return runtime::LedgerStatus::success();
}

runtime::LedgerResult<std::vector<runtime::Suspect>> SqliteLedger::suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions) {
  if (partitions.empty()) return std::vector<runtime::Suspect>();
  SqliteSession session(file_, busy_timeout_, pool_, pool_->take());
  if (auto begun = session.begin(); !begun) return std::move(begun.error());
  auto found = session.suspects(service, partitions);
  if (!found) return found;
  LedgerError why;
  if (session.commit(&why) != CommitOutcome::committed) return why;
  return found;
}

runtime::LedgerResult<runtime::Expired> SqliteLedger::expire(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace from, std::uint32_t most) {
  SqliteSession session(file_, busy_timeout_, pool_, pool_->take());
  return session.expire(rules, from, most);
}

runtime::LedgerStatus SqliteLedger::probe() { return probe_.ask(); }

}  // namespace hostler::store
