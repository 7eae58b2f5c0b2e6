#include "store/pg_pipeline.h"

#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

namespace hostler::store {
namespace {

using runtime::LedgerError;
using runtime::SqlStatement;
using runtime::StatementFailure;
using Kind = LedgerError::Kind;
using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

// A handler that builds its texts by concatenation would fill the server's memory otherwise.
constexpr std::size_t max_prepared = 256;
// The server keeps its answers until it is asked for them: so often, that so many statements together are one answer to wait for. Asking for each
// sixteen cost a tenth of the throughput of batches of 500: the two sides woke each other all the time.
constexpr std::size_t answers_at_once = 128;
constexpr std::string_view check_constraints = "SET CONSTRAINTS ALL IMMEDIATE";

// The command tag says what really ran, whatever the first word looked like.
bool ends_transaction(std::string_view tag) {
  if (tag.starts_with("INSERT") || tag.starts_with("UPDATE") || tag.starts_with("DELETE") || tag.starts_with("SELECT")) return false;  // nearly all
  for (const std::string_view bad : {"BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PREPARE", "SET", "RESET", "DISCARD", "COPY", "DEALLOCATE"})
    if (tag.starts_with(bad)) return true;
  return false;
}

bool is_good(const PGresult* result) {
  const auto status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

std::string_view tag_of(const PGresult* result) { return PQcmdStatus(const_cast<PGresult*>(result)); }

std::int64_t affected_by(const PGresult* result) {
  const char* text = PQcmdTuples(const_cast<PGresult*>(result));
  std::int64_t rows = 0;
  std::from_chars(text, text + std::strlen(text), rows);
  return rows;
}

LedgerError refused_word(std::string_view word) {
  return {Kind::refused, "", std::string(word) + " is refused: the transaction and the session belong to the host"};
}

}  // namespace

PgPipeline::Prepared& PgPipeline::look_up(Cache& cache, std::string_view sql) {
  if (const auto it = cache.find(sql); it != cache.end()) return it->second;
  Prepared& fresh = cache[std::string(sql)];
  fresh.name = "hostler_" + std::to_string(++names_);
  if (&cache == &handlers_) fresh.refused = runtime::refused_statement(sql);
  return fresh;
}

void PgPipeline::empty_cache_if_full() {
  if (handlers_.size() < max_prepared) return;
  std::string sql;
  for (const auto& [text, prepared] : handlers_)
    if (prepared.state == Prepared::State::yes) sql += "DEALLOCATE " + prepared.name + ";";
  handlers_.clear();
  if (sql.empty()) return;
  const PgLink::Wait answer(link_, "forgetting prepared statements");
  const Result result(PQexec(connection_, sql.c_str()), &PQclear);
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) tainted_ = true;
}

std::optional<StatementFailure> PgPipeline::refuse(std::span<const SqlStatement> statements) {
  batch_.clear();
  std::string_view last;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    const auto& s = statements[i];
    // Most batches repeat one text, often the very same bytes.
    const bool repeated = i > 0 && s.sql.size() == last.size() && (s.sql.data() == last.data() || s.sql == last);
    if (repeated) {
      batch_.push_back(batch_.back());
    } else {
      if (s.sql.find('\0') != std::string_view::npos) return StatementFailure{i, {Kind::refused, "", "the statement holds a NUL byte"}};
      batch_.push_back(&look_up(handlers_, s.sql));
      if (!batch_.back()->refused.empty()) return StatementFailure{i, refused_word(batch_.back()->refused)};
      last = s.sql;
    }
    if (auto why = PgParams::refuse(s.params)) return StatementFailure{i, {Kind::record, "22021", std::move(*why)}};
  }
  return std::nullopt;
}

bool PgPipeline::send_prepare(std::string_view sql, const Sent& statement) {
  Prepared& p = *statement.prepared;
  if (p.state != Prepared::State::no) return true;
  const std::string text(sql);  // libpq wants it to end in NUL
  if (PQsendPrepare(connection_, p.name.c_str(), text.c_str(), 0, nullptr) != 1) return false;
  p.state = Prepared::State::sent;
  sent_.push_back({Sent::What::prepare, statement.index, &p, false, statement.of_handler});
  return true;
}

bool PgPipeline::send_own(std::string_view sql, std::span<const char* const> values, Sent& statement) {
  statement.prepared = &look_up(own_, sql);
  statement.reused = statement.prepared->state == Prepared::State::yes;
  if (!send_prepare(sql, statement)) return false;
  if (PQsendQueryPrepared(connection_, statement.prepared->name.c_str(), static_cast<int>(values.size()), values.data(), nullptr, nullptr, 0) != 1) return false;
  sent_.push_back(statement);
  return true;
}

std::optional<PgPipeline::Sent> PgPipeline::send(std::span<const Own> own, std::span<const SqlStatement> statements, Constraints constraints) {
  sent_.clear();
  const bool entered = PQenterPipelineMode(connection_) == 1;
  for (std::size_t i = 0; i < own.size(); ++i) {
    Sent next{Sent::What::own, i, nullptr, false, false};
    if (!entered || !send_own(own[i].sql, own[i].values, next)) return next;
  }
  for (std::size_t i = 0; i < statements.size(); ++i) {
    Prepared* p = batch_[i];
    const Sent next{Sent::What::statement, i, p, p->state == Prepared::State::yes, true};
    if (!entered || !send_prepare(statements[i].sql, next)) return next;
    params_.set(statements[i].params);
    if (PQsendQueryPrepared(connection_, p->name.c_str(), params_.size(), params_.values(), params_.lengths(), params_.formats(), 0) != 1) return next;
    sent_.push_back(next);
    if (i % answers_at_once == answers_at_once - 1) {
      if (PQsendFlushRequest(connection_) != 1) return next;
      link_.heard();  // sending waits for the server, too
    }
  }
  Sent last{Sent::What::constraints, statements.size(), nullptr, false, true};
  if (constraints == Constraints::check && (!entered || !send_own(check_constraints, {}, last))) return last;
  return std::nullopt;
}

// Why the statement behind `result` failed; empty: it did not.
std::optional<LedgerError> PgPipeline::judge(const PGresult* result, const Sent& sent) {
  if (is_good(result)) {
    if (sent.what == Sent::What::prepare) sent.prepared->state = Prepared::State::yes;
    if (sent.what != Sent::What::statement || !ends_transaction(tag_of(result))) return std::nullopt;
    tainted_ = true;
    return refused_word(tag_of(result));
  }
  auto error = link_.error(result, sent.of_handler ? Author::handler : Author::ledger);
  if (sent.reused && (error.code == "0A000" || error.code == "26000")) {
    // A table changed under the prepared statement, or it is gone: the same text runs on a fresh connection.
    tainted_ = true;
    error.kind = Kind::again;
  }
  return error;
}

void PgPipeline::fail(Outcome& out, const Sent& sent, LedgerError error) {
  if (out.own_failure || out.failure) return;
  if (sent.of_handler) out.failure = StatementFailure{sent.index, std::move(error)};
  else out.own_failure = std::move(error);
}

void PgPipeline::receive(Outcome& out) {
  std::size_t received = 0;
  for (const Sent& sent : sent_) {
    const Result result(PQgetResult(connection_), &PQclear);
    if (result && PQresultStatus(result.get()) != PGRES_PIPELINE_ABORTED) {
      if (auto error = judge(result.get(), sent)) fail(out, sent, std::move(*error));
      else if (sent.what == Sent::What::own) out.affected.push_back(affected_by(result.get()));
    }
    if (!result || PQstatus(connection_) == CONNECTION_BAD) {
      tainted_ = true;
      fail(out, sent, link_.lost());
      return;
    }
    while (const Result more{PQgetResult(connection_), &PQclear}) continue;  // the end of this statement
    if (++received % answers_at_once == 0) link_.heard();
  }
}

void PgPipeline::leave_pipeline() {
  const Result sync(PQgetResult(connection_), &PQclear);
  if (!sync || PQresultStatus(sync.get()) != PGRES_PIPELINE_SYNC || PQexitPipelineMode(connection_) != 1) tainted_ = true;
}

PgPipeline::Outcome PgPipeline::run(const char* question, std::span<const Own> own, std::span<const SqlStatement> statements, Constraints constraints) {
  Outcome out;
  empty_cache_if_full();
  if ((out.failure = refuse(statements))) return out;
  if (own.empty() && statements.empty() && constraints == Constraints::leave) return out;
  const PgLink::Wait answers(link_, question);
  const auto not_sent = send(own, statements, constraints);
  std::optional<LedgerError> why_not;
  if (not_sent)  // more parameters than the protocol can carry, or the connection
    why_not = PQstatus(connection_) == CONNECTION_BAD ? link_.lost() : LedgerError{Kind::handler, "", PQerrorMessage(connection_)};
  if (PQpipelineStatus(connection_) == PQ_PIPELINE_OFF || PQpipelineSync(connection_) != 1) {
    tainted_ = true;
    fail(out, not_sent ? *not_sent : sent_.front(), why_not ? std::move(*why_not) : link_.lost());
    return out;
  }
  receive(out);
  if (PQstatus(connection_) != CONNECTION_BAD) leave_pipeline();
  for (const Sent& s : sent_)
    if (s.prepared->state == Prepared::State::sent) s.prepared->state = Prepared::State::no;  // behind an error
  if (why_not) fail(out, *not_sent, std::move(*why_not));
  return out;
}

runtime::LedgerResult<std::size_t> PgPipeline::query(const SqlStatement& statement, const runtime::SqlRow& on_row) {
  empty_cache_if_full();
  if (auto refused = refuse({&statement, 1})) return std::move(refused->error);
  Prepared* p = batch_.front();
  std::optional<PgLink::Wait> answer(std::in_place, link_, "a handler's query");
  const bool reused = p->state == Prepared::State::yes;
  if (!reused) {
    const Result result(PQprepare(connection_, p->name.c_str(), std::string(statement.sql).c_str(), 0, nullptr), &PQclear);
    if (auto error = judge(result.get(), {Sent::What::prepare, 0, p, false, true})) return std::move(*error);
  }
  params_.set(statement.params);
  const Result result(PQexecPrepared(connection_, p->name.c_str(), params_.size(), params_.values(), params_.lengths(), params_.formats(), 0), &PQclear);
  if (auto error = judge(result.get(), {Sent::What::statement, 0, p, reused, true})) return std::move(*error);
  answer.reset();  // what follows is the handler's time
  std::size_t rows = 0;
  for (int i = 0; on_row && i < PQntuples(result.get()); ++i) {
    ++rows;
    if (!on_row(row_.read(result.get(), i))) break;
  }
  return rows;
}

}  // namespace hostler::store
