#include "store/sqlite_ledger.h"

#include <utility>

#include "store/own_transaction.h"
#include "store/sqlite_session.h"

namespace hostler::store {

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
  return in_own_transaction(SqliteSession(file_, busy_timeout_, pool_, pool_->take()), [&](auto& session) { return session.take_over(service, cluster_id, partitions); });
}

runtime::LedgerStatus SqliteLedger::add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) {
  if (suspects.empty()) return runtime::LedgerStatus::success();
  // Unknown is safe to repeat: of one run a record is counted once.
  return in_own_transaction(SqliteSession(file_, busy_timeout_, pool_, pool_->take()), [&](auto& session) { return session.add_suspects(run, suspects); });
}

runtime::LedgerResult<std::vector<runtime::Suspect>> SqliteLedger::suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions) {
  if (partitions.empty()) return std::vector<runtime::Suspect>();
  return in_own_transaction(SqliteSession(file_, busy_timeout_, pool_, pool_->take()), [&](auto& session) { return session.suspects(service, partitions); });
}

runtime::LedgerResult<runtime::Expired> SqliteLedger::expire(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace from, std::uint32_t most) {
  SqliteSession session(file_, busy_timeout_, pool_, pool_->take());
  return session.expire(rules, from, most);
}

runtime::LedgerStatus SqliteLedger::probe() { return probe_.ask(); }

}  // namespace hostler::store
