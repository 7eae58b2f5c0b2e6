#include "store/pg_ledger.h"

#include <utility>

#include "store/own_transaction.h"
#include "store/pg_session.h"

namespace hostler::store {

PgLedger::PgLedger(std::shared_ptr<const PgAccess> access, std::uint32_t max_sessions)
    : access_(std::move(access)), pool_(std::make_shared<Pool<PgConnection>>(max_sessions)) {}

std::unique_ptr<runtime::LedgerSession> PgLedger::lease() { return std::make_unique<PgSession>(access_, pool_, pool_->take()); }

runtime::LedgerResult<std::vector<core::Mark>> PgLedger::take_over(std::string_view service, std::string_view cluster_id,
                                                                   std::span<const runtime::TakeOver> partitions) {
  if (partitions.empty()) return std::vector<core::Mark>();
  // Unknown is safe to repeat: the epoch is raised once more.
  return in_own_transaction(PgSession(access_, pool_, pool_->take()), [&](auto& session) { return session.take_over(service, cluster_id, partitions); });
}

runtime::LedgerStatus PgLedger::add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) {
  if (suspects.empty()) return runtime::LedgerStatus::success();
  // Unknown is safe to repeat: of one run a record is counted once.
  return in_own_transaction(PgSession(access_, pool_, pool_->take()), [&](auto& session) { return session.add_suspects(run, suspects); });
}

runtime::LedgerResult<std::vector<runtime::Suspect>> PgLedger::suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions) {
  if (partitions.empty()) return std::vector<runtime::Suspect>();
  return in_own_transaction(PgSession(access_, pool_, pool_->take()), [&](auto& session) { return session.suspects(service, partitions); });
}

runtime::LedgerResult<runtime::Expired> PgLedger::expire(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace from, std::uint32_t most) {
  // Unknown is safe to repeat.
  return in_own_transaction(PgSession(access_, pool_, pool_->take()), [&](auto& session) { return session.expire(rules, from, most); });
}

runtime::LedgerStatus PgLedger::probe() {
  const std::lock_guard lock(probing_);
  if (probe_ && !probe_->usable()) probe_.reset();
  if (!probe_) {
    auto made = PgConnection::connect(access_, access_->probe_timeout);
    if (!made) return std::move(made.error());
    probe_ = std::move(*made);
  }
  // No row matches, but only a database that could write lets this pass.
  auto asked = probe_->exec("SELECT 1 FROM hostler_mark WHERE service = '' FOR UPDATE", "the health probe");
  if (!asked) {
    if (asked.error().code == "25006") probe_.reset();  // the next one may find another host of the URL
    return std::move(asked.error());
  }
  return runtime::LedgerStatus::success();
}

}  // namespace hostler::store
