// A leased session on SQLite. Writers queue in the process and begin with BEGIN IMMEDIATE: the single writer is the lock, and no transaction that
// has read must upgrade (which fails at once, whatever the timeout). Private to store/. Thread-safety: one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/types.h"
#include "runtime/ledger.h"
#include "store/pool.h"
#include "store/sqlite_connection.h"
#include "store/sqlite_file.h"

namespace hostler::store {

class SqliteSession final : public runtime::LedgerSession {
 public:
  SqliteSession(std::shared_ptr<SqliteFile> file, core::Millis busy_timeout, std::shared_ptr<Pool<SqliteConnection>> pool,
                std::unique_ptr<SqliteConnection> connection);
  ~SqliteSession() override;
  SqliteSession(const SqliteSession&) = delete;
  SqliteSession& operator=(const SqliteSession&) = delete;

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
  runtime::LedgerResult<std::size_t> query(const runtime::SqlStatement& statement, bool read_only, const runtime::SqlRow& on_row) override;
  runtime::LedgerResult<bool> same_transaction() override;

  // Inside a transaction; see runtime::Ledger.
  runtime::LedgerResult<std::vector<core::Mark>> take_over(std::string_view service, std::string_view cluster_id,
                                                           std::span<const runtime::TakeOver> partitions);
  runtime::LedgerStatus add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects);
  runtime::LedgerResult<std::vector<runtime::Suspect>> suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions);
  // Outside of a transaction: looks without the writer's turn, and takes it only if there is something to delete. See runtime::Ledger::expire.
  runtime::LedgerResult<runtime::Expired> expire(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace from, std::uint32_t most);

 private:
  std::optional<runtime::LedgerError> connect();
  [[nodiscard]] std::optional<runtime::LedgerError> cannot_work() const;
  runtime::LedgerError aborted_by(runtime::LedgerError error);
  std::optional<runtime::LedgerError> in_transaction_do(const std::function<void(SqliteStatements&)>& work);
  void end();  // the writer's turn

  const std::shared_ptr<SqliteFile> file_;
  const core::Millis busy_timeout_;
  const std::shared_ptr<Pool<SqliteConnection>> pool_;
  std::unique_ptr<SqliteConnection> connection_;
  bool open_ = false;
  // What aborted the open transaction. SQLite itself undoes only the failing statement and would commit the rest.
  std::optional<runtime::LedgerError> failed_;
};

}  // namespace hostler::store
