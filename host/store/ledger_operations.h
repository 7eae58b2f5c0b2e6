// runtime::LedgerOperations in SQL that both databases understand, on sessions of the ledger. Private to store/. Thread-safe.
#pragma once

#include <functional>

#include "runtime/ledger.h"
#include "runtime/ledger_operations.h"

namespace hostler::store {

class SqlOperations final : public runtime::LedgerOperations {
 public:
  // `ledger` outlives this.
  explicit SqlOperations(runtime::Ledger& ledger) : ledger_(ledger) {}

  runtime::LedgerResult<std::vector<runtime::KnownMark>> marks(std::string_view service) override;
  runtime::LedgerStatus acknowledge(std::string_view service, std::span<const runtime::Acknowledged> partitions) override;
  runtime::LedgerResult<runtime::RewindFacts> look(std::string_view service, const runtime::Rewind& rewind) override;
  runtime::LedgerResult<runtime::RewindFacts> rewind(std::string_view service, const runtime::Rewind& rewind) override;
  runtime::LedgerResult<std::int32_t> adopt(std::string_view service, const runtime::Adoption& adoption) override;
  runtime::LedgerResult<std::vector<runtime::StuckRecord>> stuck(std::string_view service, core::Timestamp due_before, std::size_t at_most) override;
  runtime::LedgerResult<std::uint64_t> count_stuck(std::string_view service, core::Timestamp due_before) override;
  runtime::LedgerStatus postpone(std::string_view service, const runtime::OriginKey& origin, core::Step step, core::Timestamp due) override;

 private:
  class Transaction;
  using Work = std::function<void(Transaction&)>;
  // Work throws what a statement answers. A change is run again after a deadlock.
  runtime::LedgerStatus read(const Work& work);
  runtime::LedgerStatus change(const Work& work);
  [[nodiscard]] bool postgresql() const { return ledger_.dialect() == runtime::SqlDialect::postgresql; }

  runtime::Ledger& ledger_;
};

}  // namespace hostler::store
