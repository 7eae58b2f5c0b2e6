#include "store/pg_ledger.h"

#include <utility>

#include "store/pg_session.h"

namespace hostler::store {

using runtime::CommitOutcome;
using runtime::LedgerError;

PgLedger::PgLedger(std::shared_ptr<const PgAccess> access, std::uint32_t max_sessions)
    : access_(std::move(access)), pool_(std::make_shared<Pool<PgConnection>>(max_sessions)) {}

std::unique_ptr<runtime::LedgerSession> PgLedger::lease() { return std::make_unique<PgSession>(access_, pool_, pool_->take()); }

runtime::LedgerResult<std::vector<core::Mark>> PgLedger::take_over(std::string_view service, std::string_view cluster_id,
                                                                   std::span<const runtime::TakeOver> partitions) {
  if (partitions.empty()) return std::vector<core::Mark>();
  PgSession session(access_, pool_, pool_->take());
  if (auto begun = session.begin(); !begun) return std::move(begun.error());
  auto marks = session.take_over(service, cluster_id, partitions);
  if (!marks) return marks;
  LedgerError why;
  // Unknown is safe to repeat: the epoch is raised once more.
  if (session.commit(&why) != CommitOutcome::committed) return why;
  return marks;
}

}  // namespace hostler::store
