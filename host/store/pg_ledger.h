// The ledger on PostgreSQL. Private to store/. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/ledger.h"
#include "store/ledger_operations.h"
#include "store/pg_connection.h"
#include "store/pool.h"

namespace hostler::store {

class PgLedger final : public runtime::Ledger {
 public:
  PgLedger(std::shared_ptr<const PgAccess> access, std::uint32_t max_sessions);

  [[nodiscard]] runtime::SqlDialect dialect() const override { return runtime::SqlDialect::postgresql; }
  std::unique_ptr<runtime::LedgerSession> lease() override;
  runtime::LedgerResult<std::vector<core::Mark>> take_over(std::string_view service, std::string_view cluster_id,
                                                           std::span<const runtime::TakeOver> partitions) override;
  runtime::LedgerOperations& operations() override { return operations_; }
  runtime::LedgerStatus add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) override;
  runtime::LedgerResult<std::vector<runtime::Suspect>> suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions) override;
  runtime::LedgerResult<runtime::Expired> expire(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace from, std::uint32_t most) override;
  runtime::LedgerStatus probe() override;

 private:
  const std::shared_ptr<const PgAccess> access_;
  const std::shared_ptr<Pool<PgConnection>> pool_;  // sessions may outlive the ledger
  SqlOperations operations_{*this};
  std::mutex probing_;
  std::unique_ptr<PgConnection> probe_;             // guarded by probing_
};

}  // namespace hostler::store
