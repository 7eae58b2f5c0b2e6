// The ledger on SQLite. Private to store/. Thread-safe.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/types.h"
#include "runtime/ledger.h"
#include "store/ledger_operations.h"
#include "store/open_ledger.h"
#include "store/pool.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_file.h"
#include "store/sqlite_probe.h"

namespace hostler::store {

class SqliteLedger final : public runtime::Ledger {
 public:
  SqliteLedger(std::shared_ptr<SqliteFile> file, const LedgerOptions& options, std::uint32_t max_sessions);

  [[nodiscard]] runtime::SqlDialect dialect() const override { return runtime::SqlDialect::sqlite; }
  std::unique_ptr<runtime::LedgerSession> lease() override;
  runtime::LedgerResult<std::vector<core::Mark>> take_over(std::string_view service, std::string_view cluster_id,
                                                           std::span<const runtime::TakeOver> partitions) override;
  runtime::LedgerOperations& operations() override { return operations_; }
  runtime::LedgerStatus add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) override;
  runtime::LedgerResult<std::vector<runtime::Suspect>> suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions) override;
  runtime::LedgerResult<runtime::Expired> expire(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace from, std::uint32_t most) override;
  runtime::LedgerStatus probe() override;

 private:
  const std::shared_ptr<SqliteFile> file_;
  const core::Millis busy_timeout_;
  const std::shared_ptr<Pool<SqliteConnection>> pool_;  // sessions may outlive the ledger
  SqlOperations operations_{*this};
  SqliteProbe probe_;
};

}  // namespace hostler::store
