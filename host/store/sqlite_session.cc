#include "store/sqlite_session.h"

#include <utility>

namespace hostler::store {
namespace {

using runtime::CommitOutcome;
using runtime::LedgerError;
using runtime::LedgerStatus;
using Kind = LedgerError::Kind;

LedgerStatus status(std::optional<LedgerError> error) {
  if (error) return std::move(*error);
  return LedgerStatus::success();
}

}  // namespace

SqliteSession::SqliteSession(std::shared_ptr<SqliteFile> file, core::Millis busy_timeout, std::shared_ptr<Pool<SqliteConnection>> pool,
                             std::unique_ptr<SqliteConnection> connection)
    : file_(std::move(file)), busy_timeout_(busy_timeout), pool_(std::move(pool)), connection_(std::move(connection)) {}

SqliteSession::~SqliteSession() {
  rollback();
  pool_->give_back(std::move(connection_));
}

std::optional<LedgerError> SqliteSession::connect() {
  if (connection_) return std::nullopt;
  auto made = SqliteConnection::open(file_->path(), busy_timeout_);
  if (!made) return std::move(made.error());
  connection_ = std::move(*made);
  return std::nullopt;
}

LedgerStatus SqliteSession::begin() {
  if (open_) return LedgerError{Kind::handler, "SQLITE_MISUSE", "a transaction is already open on this session"};
  if (auto error = connect()) return std::move(*error);
  file_->enter_writing();
  if (auto error = connection_->raw().exec("BEGIN IMMEDIATE")) {
    file_->leave_writing();
    return std::move(*error);
  }
  open_ = true;
  failed_.reset();
  return LedgerStatus::success();
}

void SqliteSession::end() {
  open_ = false;
  if (connection_->raw().autocommit() || !connection_->raw().exec("ROLLBACK")) {
    file_->leave_writing();
    return;
  }
  connection_.reset();  // what cannot be rolled back is closed, which rolls back
  file_->leave_writing();
}

void SqliteSession::rollback() {
  if (open_) end();
}

CommitOutcome SqliteSession::commit(LedgerError* why) {
  auto error = cannot_work();
  if (!error && connection_->raw().autocommit()) error = LedgerError{Kind::outage, "SQLITE_ABORT", "the transaction ended behind the host's back"};
  const bool sent = !error;
  if (sent) error = connection_->raw().exec("COMMIT", Author::handler);
  rollback();  // ends the writer's turn, and the transaction if COMMIT left it open
  if (!error) return CommitOutcome::committed;
  // An I/O error while syncing: the log may or may not be found complete after a restart.
  const bool unknown = sent && error->code == "SQLITE_IOERR";
  if (why != nullptr) *why = std::move(*error);
  return unknown ? CommitOutcome::unknown : CommitOutcome::failed;
}

std::optional<LedgerError> SqliteSession::cannot_work() const {
  if (!open_) return LedgerError{Kind::handler, "SQLITE_MISUSE", "no transaction is open on this session"};
  return failed_;
}

LedgerError SqliteSession::aborted_by(LedgerError error) {
  if (open_) failed_ = error;
  return error;
}

std::optional<LedgerError> SqliteSession::in_transaction_do(const std::function<void(SqliteStatements&)>& work) {
  if (auto error = cannot_work()) return error;
  try {
    work(connection_->ledger());
    return std::nullopt;
  } catch (const soci::soci_error& e) {
    return aborted_by(sqlite_error(e));
  }
}

LedgerStatus SqliteSession::find_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> settled) {
  const auto find = [&](SqliteStatements& s) { s.find_ids(service, ids, settled); };
  if (open_) return status(in_transaction_do(find));
  if (auto error = connect()) return std::move(*error);
  // One short read transaction: quicker than one per id, and gone before anybody notices.
  if (auto error = connection_->raw().exec("BEGIN")) return std::move(*error);
  std::optional<LedgerError> error;
  try {
    find(connection_->ledger());
  } catch (const soci::soci_error& e) {
    error = sqlite_error(e);
  }
  if (connection_->raw().exec("COMMIT") && !connection_->raw().autocommit()) connection_.reset();
  return status(std::move(error));
}

LedgerStatus SqliteSession::claim_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> claimed) {
  return status(in_transaction_do([&](SqliteStatements& s) { s.claim_ids(service, ids, claimed); }));
}

LedgerStatus SqliteSession::set_id_states(std::string_view service, std::span<const std::string_view> ids, runtime::RowState state) {
  return status(in_transaction_do([&](SqliteStatements& s) { s.set_id_states(service, ids, state); }));
}

runtime::LedgerResult<bool> SqliteSession::fence(std::string_view service, const runtime::MarkMove& move) {
  bool moved = false;
  if (auto error = in_transaction_do([&](SqliteStatements& s) { moved = s.fence(service, move); })) return std::move(*error);
  return moved;
}

LedgerStatus SqliteSession::barrier(std::string_view, std::span<const runtime::MarkKey>) {
  if (open_) return LedgerError{Kind::handler, "SQLITE_MISUSE", "a barrier must not be inside a transaction: roll back first"};
  // Whoever publishes holds the single writer's turn: having had it once is having waited for them.
  file_->enter_writing();
  file_->leave_writing();
  return LedgerStatus::success();
}

runtime::LedgerResult<std::vector<std::optional<runtime::Delegated>>> SqliteSession::lock_delegated(std::string_view service,
                                                                                                    std::span<const runtime::OriginKey> origins) {
  std::vector<std::optional<runtime::Delegated>> out;
  if (auto error = in_transaction_do([&](SqliteStatements& s) { out = s.read_delegated(service, origins); })) return std::move(*error);
  return out;
}

LedgerStatus SqliteSession::write_delegated(std::string_view service, std::span<const runtime::Delegation> rows) {
  return status(in_transaction_do([&](SqliteStatements& s) { s.write_delegated(service, rows); }));
}

LedgerStatus SqliteSession::erase_delegated(std::string_view service, std::span<const runtime::OriginKey> origins) {
  return status(in_transaction_do([&](SqliteStatements& s) { s.erase_delegated(service, origins); }));
}

LedgerStatus SqliteSession::erase_suspects(std::string_view service, std::span<const runtime::OriginKey> places) {
  return status(in_transaction_do([&](SqliteStatements& s) { s.erase_suspects(service, places); }));
}

std::optional<runtime::StatementFailure> SqliteSession::run(std::span<const runtime::SqlStatement> statements) {
  if (auto error = cannot_work()) return runtime::StatementFailure{0, std::move(*error)};
  for (std::size_t i = 0; i < statements.size(); ++i)
    if (auto error = connection_->raw().run(statements[i])) return runtime::StatementFailure{i, aborted_by(std::move(*error))};
  if (!connection_->raw().deferred_violations()) return std::nullopt;
  // COMMIT would find them, but that is behind publishing.
  return runtime::StatementFailure{statements.size(),
                                   aborted_by({Kind::record, "SQLITE_CONSTRAINT", "FOREIGN KEY constraint failed (deferred)"})};
}

runtime::LedgerResult<std::size_t> SqliteSession::query(const runtime::SqlStatement& statement, bool read_only, const runtime::SqlRow& on_row) {
  if (auto error = cannot_work()) return std::move(*error);
  auto rows = connection_->raw().query(statement, read_only, on_row);
  if (!rows && rows.error().kind != Kind::refused) aborted_by(rows.error());
  return rows;
}

runtime::LedgerResult<bool> SqliteSession::same_transaction() { return open_ && !connection_->raw().autocommit(); }

runtime::LedgerResult<std::vector<core::Mark>> SqliteSession::take_over(std::string_view service, std::string_view cluster_id,
                                                                        std::span<const runtime::TakeOver> partitions) {
  std::vector<core::Mark> out;
  if (auto error = in_transaction_do([&](SqliteStatements& s) { out = s.take_over(service, cluster_id, partitions); })) return std::move(*error);
  return out;
}

LedgerStatus SqliteSession::add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) {
  return status(in_transaction_do([&](SqliteStatements& s) { s.add_suspects(run, suspects); }));
}

runtime::LedgerResult<std::vector<runtime::Suspect>> SqliteSession::suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions) {
  std::vector<runtime::Suspect> out;
  if (auto error = in_transaction_do([&](SqliteStatements& s) { out = s.suspects(service, partitions); })) return std::move(*error);
  return out;
}

runtime::LedgerResult<runtime::Expired> SqliteSession::expire(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace from, std::uint32_t most) {
  if (auto error = connect()) return std::move(*error);
  SqliteStatements::Old old;
  try {
    old = connection_->ledger().find_old(rules, from, most);
  } catch (const soci::soci_error& e) {
    return sqlite_error(e);
  }
  runtime::Expired out;
  out.next = old.next;
  if (old.rows.empty()) return out;
  if (auto begun = begin(); !begun) return std::move(begun.error());
  if (auto error = in_transaction_do([&](SqliteStatements& s) { out.rows = s.erase_old(rules, from.table, old); })) return std::move(*error);
  LedgerError why;
  if (commit(&why) != CommitOutcome::committed) return why;
  return out;
}

}  // namespace hostler::store
