#include "store/pg_session.h"

#include <soci/postgresql/soci-postgresql.h>

#include <algorithm>
#include <utility>

#include "store/sorted.h"

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

PgSession::PgSession(std::shared_ptr<const PgAccess> access, std::shared_ptr<Pool<PgConnection>> pool, std::unique_ptr<PgConnection> connection)
    : access_(std::move(access)), pool_(std::move(pool)), connection_(std::move(connection)) {}

PgSession::~PgSession() {
  rollback();
  pool_->give_back(std::move(connection_));
}

std::optional<LedgerError> PgSession::connect() {
  if (connection_ && !connection_->usable()) connection_.reset();
  if (connection_) return std::nullopt;
  auto made = PgConnection::connect(access_, access_->answer_timeout);
  if (!made) return std::move(made.error());
  connection_ = std::move(*made);
  return std::nullopt;
}

LedgerStatus PgSession::begin() {
  if (open_) return LedgerError{Kind::handler, "25001", "a transaction is already open on this session"};
  if (auto error = connect()) return std::move(*error);
  open_ = begin_due_ = true;
  wrote_by_query_ = false;
  failed_.reset();
  return LedgerStatus::success();
}

std::optional<LedgerError> PgSession::start() {
  if (!begin_due_) return std::nullopt;
  begin_due_ = false;
  auto begun = connection_->exec(PgHotPath::begin().sql.data());
  if (begun) return std::nullopt;
  return aborted_by(std::move(begun.error()));
}

PgPipeline::Outcome PgSession::pipelined(const char* question, std::vector<PgPipeline::Own> own, std::span<const runtime::SqlStatement> statements,
                                         PgPipeline::Constraints constraints) {
  const bool begins = std::exchange(begin_due_, false);
  if (begins) own.insert(own.begin(), PgHotPath::begin());
  auto out = connection_->pipeline().run(question, own, statements, constraints);
  if (out.own_failure) aborted_by(*out.own_failure);
  if (out.failure) aborted_by(out.failure->error);
  if (begins && !out.affected.empty()) out.affected.erase(out.affected.begin());
  return out;
}

// Constraints of the ledger's own tables are never deferred: without statements of the handler there is nothing to check.
PgPipeline::Constraints PgSession::constraints_after(std::span<const runtime::SqlStatement> statements) const {
  return statements.empty() && !wrote_by_query_ ? PgPipeline::Constraints::leave : PgPipeline::Constraints::check;
}

void PgSession::rollback() {
  if (!open_) return;
  open_ = false;
  if (std::exchange(begin_due_, false)) return;
  // What cannot be rolled back is thrown away: the server rolls back when the connection ends. So is a session that cannot write: the next one may
  // find another host of the URL.
  if (std::exchange(read_only_, false) || !connection_ || PQstatus(connection_->raw()) != CONNECTION_OK || connection_->pipeline().tainted() || !connection_->exec("ROLLBACK"))
    connection_.reset();
}

CommitOutcome PgSession::commit(LedgerError* why) {
  const auto because = [&](CommitOutcome outcome, LedgerError error) {
    if (why != nullptr) *why = std::move(error);
    return outcome;
  };
  if (auto error = cannot_work()) {
    rollback();
    return because(CommitOutcome::failed, std::move(*error));
  }
  if (std::exchange(begin_due_, false)) {  // nothing was done
    open_ = false;
    return CommitOutcome::committed;
  }
  if (PQtransactionStatus(connection_->raw()) != PQTRANS_INTRANS || connection_->pipeline().tainted()) {
    rollback();
    return because(CommitOutcome::failed, {Kind::handler, "25P01", "a statement ended the transaction behind the host's back"});
  }
  open_ = false;
  // Not SOCI's commit(): it takes the tag ROLLBACK, the answer to COMMIT in an aborted transaction, for success.
  const auto result = connection_->ask("COMMIT");
  if (PQresultStatus(result.get()) == PGRES_COMMAND_OK) {
    const std::string_view tag = PQcmdStatus(result.get());
    if (tag == "COMMIT") return CommitOutcome::committed;
    return because(CommitOutcome::failed, {Kind::handler, "25P02", "the database answered COMMIT with " + std::string(tag)});
  }
  auto error = connection_->link().error(result.get(), Author::handler);
  // An ERROR is an answer. Without one, or with the session ended in the middle (FATAL), nobody knows.
  const char* severity = result ? PQresultErrorField(result.get(), PG_DIAG_SEVERITY_NONLOCALIZED) : nullptr;
  const bool answered = severity != nullptr && std::string_view(severity) == "ERROR" && PQstatus(connection_->raw()) == CONNECTION_OK;
  if (!answered) connection_.reset();
  return because(answered ? CommitOutcome::failed : CommitOutcome::unknown, std::move(error));
}

std::optional<LedgerError> PgSession::cannot_work() const {
  if (!open_) return LedgerError{Kind::handler, "25P01", "no transaction is open on this session"};
  return failed_;
}

LedgerError PgSession::aborted_by(LedgerError error) {
  read_only_ |= error.code == "25006";
  if (open_) failed_ = error;
  return error;
}

std::optional<LedgerError> PgSession::attempt(const char* question, const std::function<void(PgStatements&)>& work) {
  const PgLink::Wait answers(connection_->link(), question);
  try {
    work(connection_->ledger());
    return std::nullopt;
  } catch (const soci::postgresql_soci_error& e) {
    return aborted_by(connection_->link().error(e.sqlstate(), e.get_error_message(), Author::ledger));
  } catch (const soci::soci_error& e) {
    if (PQstatus(connection_->raw()) == CONNECTION_BAD) return aborted_by(connection_->link().lost());
    return aborted_by({Kind::outage, "", e.get_error_message()});
  }
}

std::optional<LedgerError> PgSession::in_transaction_do(const char* question, const std::function<void(PgStatements&)>& work) {
  if (auto error = cannot_work()) return error;
  if (auto error = start()) return error;
  return attempt(question, work);
}

LedgerStatus PgSession::find_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> settled) {
  const auto find = [&](PgStatements& s) { s.find_ids(service, ids, settled); };
  if (open_ && !begin_due_) return status(in_transaction_do("looking for event ids", find));
  if (auto error = connect()) return std::move(*error);
  return status(attempt("looking for event ids", find));
}

LedgerStatus PgSession::claim_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> claimed) {
  if (auto error = cannot_work()) return std::move(*error);
  std::fill(claimed.begin(), claimed.end(), std::uint8_t{0});
  const auto order = sorted_once(ids);
  auto out = pipelined("claiming event ids", {connection_->hot().claim(service, ids, order)}, {}, PgPipeline::Constraints::leave);
  if (out.own_failure) return std::move(*out.own_failure);
  const auto taken = static_cast<std::size_t>(out.affected.back());
  if (taken == order.size()) {
    for (const std::size_t i : order) claimed[i] = 1;
    return LedgerStatus::success();
  }
  if (taken == 0) return LedgerStatus::success();
  return status(in_transaction_do("reading claims back", [&](PgStatements& s) { s.read_claims(service, ids, claimed); }));
}

LedgerStatus PgSession::set_id_states(std::string_view service, std::span<const std::string_view> ids, runtime::RowState state) {
  return status(in_transaction_do("writing states of event ids", [&](PgStatements& s) { s.set_id_states(service, ids, state); }));
}

runtime::LedgerResult<bool> PgSession::fence(std::string_view service, const runtime::MarkMove& move) {
  if (auto error = cannot_work()) return std::move(*error);
  auto out = pipelined("the fence", {connection_->hot().fence(service, move)}, {}, PgPipeline::Constraints::leave);
  if (out.own_failure) return std::move(*out.own_failure);
  return out.affected.back() == 1;
}

LedgerStatus PgSession::barrier(std::string_view service, std::span<const runtime::MarkKey> marks) {
  if (open_) return LedgerError{Kind::handler, "25001", "a barrier must not hold row locks: roll back first"};
  if (auto error = connect()) return std::move(*error);
  // Each its own transaction: the lock ends with the statement.
  for (const std::size_t i : sorted_once(marks))
    if (auto error = attempt("the barrier on the marks of retried records", [&](PgStatements& s) { s.wait_for_mark(service, marks[i]); })) return std::move(*error);
  return LedgerStatus::success();
}

runtime::LedgerResult<std::vector<std::optional<runtime::Delegated>>> PgSession::lock_delegated(std::string_view service,
                                                                                                std::span<const runtime::OriginKey> origins) {
  std::vector<std::optional<runtime::Delegated>> out;
  if (auto error = in_transaction_do("locking rows of delegated records", [&](PgStatements& s) { out = s.lock_delegated(service, origins); })) return std::move(*error);
  return out;
}

LedgerStatus PgSession::write_delegated(std::string_view service, std::span<const runtime::Delegation> rows) {
  return status(in_transaction_do("writing rows of delegated records", [&](PgStatements& s) { s.write_delegated(service, rows); }));
}

LedgerStatus PgSession::erase_delegated(std::string_view service, std::span<const runtime::OriginKey> origins) {
  return status(in_transaction_do("deleting rows of delegated records", [&](PgStatements& s) { s.erase_delegated(service, origins); }));
}

LedgerStatus PgSession::erase_suspects(std::string_view service, std::span<const runtime::OriginKey> places) {
  return status(in_transaction_do("erasing suspects", [&](PgStatements& s) { s.erase_suspects(service, places); }));
}

std::optional<runtime::StatementFailure> PgSession::run(std::span<const runtime::SqlStatement> statements) {
  if (auto error = cannot_work()) return runtime::StatementFailure{0, std::move(*error)};
  const auto constraints = constraints_after(statements);
  if (constraints == PgPipeline::Constraints::leave) return std::nullopt;
  auto out = pipelined("the handler's statements", {}, statements, constraints);
  if (out.own_failure) return runtime::StatementFailure{0, std::move(*out.own_failure)};
  return std::move(out.failure);
}

runtime::LedgerResult<PgSession::Settled> PgSession::fence_and_run(std::string_view service, const runtime::MarkMove& move,
                                                                   std::span<const runtime::SqlStatement> statements) {
  if (auto error = cannot_work()) return std::move(*error);
  auto out = pipelined("the fence and the handler's statements", {connection_->hot().fence(service, move)}, statements, constraints_after(statements));
  if (out.own_failure) return std::move(*out.own_failure);
  // Refused before anything was sent: nobody knows about the mark, and it does not matter.
  const bool held = out.affected.empty() || out.affected.back() == 1;
  return Settled{held, std::move(out.failure)};
}

runtime::LedgerResult<std::size_t> PgSession::query(const runtime::SqlStatement& statement, bool read_only, const runtime::SqlRow& on_row) {
  if (auto error = cannot_work()) return std::move(*error);
  if (auto error = start()) return std::move(*error);
  if (!read_only) wrote_by_query_ = true;
  auto rows = connection_->pipeline().query(statement, on_row);
  // A refused statement was not sent; the transaction lives on.
  if (!rows && (rows.error().kind != Kind::refused || connection_->pipeline().tainted())) aborted_by(rows.error());
  return rows;
}

runtime::LedgerResult<bool> PgSession::same_transaction() {
  if (begin_due_) return true;
  return open_ && connection_ && PQtransactionStatus(connection_->raw()) == PQTRANS_INTRANS && !connection_->pipeline().tainted();
}

runtime::LedgerResult<std::vector<core::Mark>> PgSession::take_over(std::string_view service, std::string_view cluster_id,
                                                                    std::span<const runtime::TakeOver> partitions) {
  std::vector<core::Mark> out;
  if (auto error = in_transaction_do("taking marks over", [&](PgStatements& s) { out = s.take_over(service, cluster_id, partitions); })) return std::move(*error);
  return out;
}

LedgerStatus PgSession::add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) {
  return status(in_transaction_do("adding suspects", [&](PgStatements& s) { s.add_suspects(run, suspects); }));
}

runtime::LedgerResult<std::vector<runtime::Suspect>> PgSession::suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions) {
  std::vector<runtime::Suspect> out;
  if (auto error = in_transaction_do("reading suspects", [&](PgStatements& s) { out = s.suspects(service, partitions); })) return std::move(*error);
  return out;
}

runtime::LedgerResult<runtime::Expired> PgSession::expire(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace from, std::uint32_t most) {
  runtime::Expired out;
  if (auto error = in_transaction_do("forgetting old rows", [&](PgStatements& s) { out = s.expire(rules, from, most); })) return std::move(*error);
  return out;
}

}  // namespace hostler::store
