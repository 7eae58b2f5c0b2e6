#include "store/pg_handler_sql.h"

#include <memory>
#include <utility>

#include "store/pg_error.h"

namespace hostler::store {
namespace {

using runtime::LedgerError;
using runtime::SqlStatement;
using runtime::StatementFailure;
using Kind = LedgerError::Kind;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

// A handler that builds its texts by concatenation would fill the server's memory otherwise.
constexpr std::size_t max_prepared = 256;

// The command tag says what really ran, whatever the first word looked like.
bool ends_transaction(std::string_view tag) {
  for (const std::string_view bad : {"BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PREPARE", "SET", "RESET", "DISCARD", "COPY", "DEALLOCATE"})
    if (tag.starts_with(bad)) return true;
  return false;
}

bool is_good(const PGresult* result) {
  const auto status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

LedgerError refused_word(const std::string& word) {
  return {Kind::refused, "", word + " is refused: the transaction and the session belong to the host"};
}

}  // namespace

PgHandlerSql::Prepared& PgHandlerSql::look_up(std::string_view sql) {
  if (const auto it = cache_.find(sql); it != cache_.end()) return it->second;
  Prepared& fresh = cache_[std::string(sql)];
  fresh.name = "hostler_" + std::to_string(++names_);
  fresh.refused = runtime::refused_statement(sql);
  return fresh;
}

void PgHandlerSql::empty_cache_if_full() {
  if (cache_.size() < max_prepared) return;
  std::string sql;
  for (const auto& [text, prepared] : cache_)
    if (prepared.state == Prepared::State::yes) sql += "DEALLOCATE " + prepared.name + ";";
  cache_.clear();
  if (sql.empty()) return;
  const Result result(PQexec(connection_, sql.c_str()), &PQclear);
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) tainted_ = true;
}

std::optional<StatementFailure> PgHandlerSql::refuse(std::span<const SqlStatement> statements) {
  batch_.clear();
  std::string_view last;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    const auto& s = statements[i];
    // Most batches repeat one text.
    const bool repeated = i > 0 && s.sql == last;
    batch_.push_back(repeated ? batch_.back() : &look_up(s.sql));
    last = s.sql;
    if (!batch_.back()->refused.empty()) return StatementFailure{i, refused_word(batch_.back()->refused)};
    if (s.sql.find('\0') != std::string_view::npos) return StatementFailure{i, {Kind::refused, "", "the statement holds a NUL byte"}};
    if (auto why = PgParams::refuse(s.params)) return StatementFailure{i, {Kind::record, "22021", std::move(*why)}};
  }
  return std::nullopt;
}

// False: the connection is gone or libpq refused; what was sent is in sent_.
bool PgHandlerSql::send(std::span<const SqlStatement> statements, bool check_constraints) {
  sent_.clear();
  if (PQenterPipelineMode(connection_) != 1) return false;
  std::string text;  // libpq wants it to end in NUL
  for (std::size_t i = 0; i < statements.size(); ++i) {
    Prepared* p = batch_[i];
    const bool reused = p->state == Prepared::State::yes;
    if (p->state == Prepared::State::no) {
      text = statements[i].sql;
      if (PQsendPrepare(connection_, p->name.c_str(), text.c_str(), 0, nullptr) != 1) return false;
      p->state = Prepared::State::sent;
      sent_.push_back({Sent::What::prepare, i, p, false});
    }
    params_.set(statements[i].params);
    if (PQsendQueryPrepared(connection_, p->name.c_str(), params_.size(), params_.values(), params_.lengths(), params_.formats(), 0) != 1) return false;
    sent_.push_back({Sent::What::execute, i, p, reused});
  }
  if (check_constraints) {
    if (PQsendQueryParams(connection_, "SET CONSTRAINTS ALL IMMEDIATE", 0, nullptr, nullptr, nullptr, nullptr, 0) != 1) return false;
    sent_.push_back({Sent::What::constraints, statements.size(), nullptr, false});
  }
  return true;
}

StatementFailure PgHandlerSql::failure(std::size_t index, const PGresult* result) const {
  return {index, pg_error(result, connection_, Author::handler)};
}

// Why the statement behind `result` failed; empty: it did not.
std::optional<LedgerError> PgHandlerSql::judge(const PGresult* result, const Sent& sent) {
  if (is_good(result)) {
    if (sent.what == Sent::What::prepare) sent.prepared->state = Prepared::State::yes;
    if (sent.what != Sent::What::execute || !ends_transaction(PQcmdStatus(const_cast<PGresult*>(result)))) return std::nullopt;
    tainted_ = true;
    return refused_word(PQcmdStatus(const_cast<PGresult*>(result)));
  }
  auto error = failure(sent.index, result).error;
  if (sent.reused && (error.code == "0A000" || error.code == "26000")) {
    // A table changed under the prepared statement, or it is gone: the same text runs on a fresh connection.
    tainted_ = true;
    error.kind = Kind::again;
  }
  return error;
}

std::optional<StatementFailure> PgHandlerSql::receive() {
  std::optional<StatementFailure> first;
  for (const Sent& sent : sent_) {
    const Result result(PQgetResult(connection_), &PQclear);
    if (!result) {
      tainted_ = true;
      return first ? first : failure(sent.index, nullptr);
    }
    if (PQresultStatus(result.get()) != PGRES_PIPELINE_ABORTED) {
      if (auto error = judge(result.get(), sent); error && !first) first = StatementFailure{sent.index, std::move(*error)};
      if (PQstatus(connection_) == CONNECTION_BAD) {
        tainted_ = true;
        return first ? first : failure(sent.index, nullptr);
      }
    }
    while (const Result more{PQgetResult(connection_), &PQclear}) continue;  // the end of this statement
  }
  return first;
}

void PgHandlerSql::leave_pipeline() {
  const Result sync(PQgetResult(connection_), &PQclear);
  if (!sync || PQresultStatus(sync.get()) != PGRES_PIPELINE_SYNC || PQexitPipelineMode(connection_) != 1) tainted_ = true;
}

std::optional<StatementFailure> PgHandlerSql::run(std::span<const SqlStatement> statements, bool check_constraints) {
  empty_cache_if_full();
  if (auto refused = refuse(statements)) return refused;
  if (statements.empty() && !check_constraints) return std::nullopt;
  const bool all_sent = send(statements, check_constraints);
  const std::size_t stopped_at = sent_.empty() ? 0 : sent_.back().index;
  std::optional<StatementFailure> why_not;
  if (!all_sent) {
    why_not = StatementFailure{stopped_at, {Kind::handler, "", PQerrorMessage(connection_)}};
    if (PQstatus(connection_) == CONNECTION_BAD) why_not->error = lost_connection(connection_);
  }
  if (PQpipelineSync(connection_) != 1) {
    tainted_ = true;
    return why_not ? why_not : failure(stopped_at, nullptr);
  }
  auto failed = receive();
  if (!tainted_ || PQstatus(connection_) != CONNECTION_BAD) leave_pipeline();
  for (Prepared* p : batch_)
    if (p->state == Prepared::State::sent) p->state = Prepared::State::no;  // behind an error
  return failed ? failed : why_not;
}

runtime::LedgerResult<std::size_t> PgHandlerSql::query(const SqlStatement& statement, const runtime::SqlRow& on_row) {
  empty_cache_if_full();
  if (auto refused = refuse({&statement, 1})) return std::move(refused->error);
  Prepared* p = batch_.front();
  const bool reused = p->state == Prepared::State::yes;
  if (p->state == Prepared::State::no) {
    const Result result(PQprepare(connection_, p->name.c_str(), std::string(statement.sql).c_str(), 0, nullptr), &PQclear);
    if (auto error = judge(result.get(), {Sent::What::prepare, 0, p, false})) return std::move(*error);
  }
  params_.set(statement.params);
  const Result result(PQexecPrepared(connection_, p->name.c_str(), params_.size(), params_.values(), params_.lengths(), params_.formats(), 0), &PQclear);
  if (auto error = judge(result.get(), {Sent::What::execute, 0, p, reused})) return std::move(*error);
  std::size_t rows = 0;
  for (int i = 0; on_row && i < PQntuples(result.get()); ++i) {
    ++rows;
    if (!on_row(row_.read(result.get(), i))) break;
  }
  return rows;
}

}  // namespace hostler::store
