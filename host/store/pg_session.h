// A leased session on PostgreSQL. Connects when it must, throws a broken connection away, and hands back only a clean one.
// Private to store/. Thread-safety: one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/ledger.h"
#include "store/pg_connection.h"
#include "store/pool.h"

namespace hostler::store {

class PgSession final : public runtime::LedgerSession {
 public:
  // `connection` may be null: connects on first use.
  PgSession(std::shared_ptr<const PgAccess> access, std::shared_ptr<Pool<PgConnection>> pool, std::unique_ptr<PgConnection> connection);
  ~PgSession() override;
  PgSession(const PgSession&) = delete;
  PgSession& operator=(const PgSession&) = delete;

  runtime::LedgerStatus begin() override;
  void rollback() override;
  runtime::CommitOutcome commit(runtime::LedgerError* why) override;
  [[nodiscard]] bool in_transaction() const override { return open_; }

  runtime::LedgerStatus find_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> settled) override;
  runtime::LedgerStatus claim_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> claimed) override;
  runtime::LedgerStatus set_id_states(std::string_view service, std::span<const std::string_view> ids, runtime::RowState state) override;
  runtime::LedgerResult<bool> fence(std::string_view service, const runtime::MarkMove& move) override;
  runtime::LedgerStatus barrier(std::string_view service, std::span<const runtime::MarkKey> marks) override;
  runtime::LedgerResult<std::vector<std::optional<runtime::Delegated>>> lock_delegated(std::string_view service,
                                                                                       std::span<const runtime::OriginKey> origins) override;
  runtime::LedgerStatus write_delegated(std::string_view service, std::span<const runtime::Delegation> rows) override;
  runtime::LedgerStatus erase_delegated(std::string_view service, std::span<const runtime::OriginKey> origins) override;
  runtime::LedgerStatus erase_suspects(std::string_view service, std::span<const runtime::OriginKey> places) override;
  std::optional<runtime::StatementFailure> run(std::span<const runtime::SqlStatement> statements) override;
  runtime::LedgerResult<Settled> fence_and_run(std::string_view service, const runtime::MarkMove& move,
                                               std::span<const runtime::SqlStatement> statements) override;
  runtime::LedgerResult<std::size_t> query(const runtime::SqlStatement& statement, bool read_only, const runtime::SqlRow& on_row) override;
  runtime::LedgerResult<bool> same_transaction() override;

  // Inside a transaction; see runtime::Ledger.
  runtime::LedgerResult<std::vector<core::Mark>> take_over(std::string_view service, std::string_view cluster_id,
                                                           std::span<const runtime::TakeOver> partitions);
  runtime::LedgerStatus add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects);
  runtime::LedgerResult<std::vector<runtime::Suspect>> suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions);
  // Likewise, see runtime::Ledger::expire.
  runtime::LedgerResult<runtime::Expired> expire(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace from, std::uint32_t most);

 private:
  std::optional<runtime::LedgerError> connect();
  // Why nothing can be done in the transaction: none is open, or an earlier error aborted it.
  [[nodiscard]] std::optional<runtime::LedgerError> cannot_work() const;
  runtime::LedgerError aborted_by(runtime::LedgerError error);
  // BEGIN by itself, if nothing has carried it yet.
  std::optional<runtime::LedgerError> start();
  // Own statements behind the BEGIN that is due, then the handler's. Here and below: `question` is what an error calls it, a literal.
  PgPipeline::Outcome pipelined(const char* question, std::vector<PgPipeline::Own> own, std::span<const runtime::SqlStatement> statements, PgPipeline::Constraints constraints);
  [[nodiscard]] PgPipeline::Constraints constraints_after(std::span<const runtime::SqlStatement> statements) const;
  // Runs a statement of the ledger's own, inside the transaction or without one.
  std::optional<runtime::LedgerError> in_transaction_do(const char* question, const std::function<void(PgStatements&)>& work);
  std::optional<runtime::LedgerError> attempt(const char* question, const std::function<void(PgStatements&)>& work);

  const std::shared_ptr<const PgAccess> access_;
  const std::shared_ptr<Pool<PgConnection>> pool_;
  std::unique_ptr<PgConnection> connection_;
  bool open_ = false;
  bool begin_due_ = false;  // open, but BEGIN goes with the first statement
  bool wrote_by_query_ = false;
  bool read_only_ = false;  // the server takes no writes (any more): it may be a former primary
  std::optional<runtime::LedgerError> failed_;  // what aborted the open transaction
};

}  // namespace hostler::store
