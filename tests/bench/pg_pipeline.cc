#include "bench/pg_pipeline.h"

#include <stdexcept>

namespace hostler::bench {

PgPipeline::PgPipeline(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) fail("connect");
}

void PgPipeline::exec(const std::string& sql) {
  const Result result(PQexec(connection_.get(), sql.c_str()), &PQclear);
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) fail(sql.c_str());
}

void PgPipeline::prepare(const char* name, const char* sql) {
  const Result result(PQprepare(connection_.get(), name, sql, 0, nullptr), &PQclear);
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) fail(name);
}

void PgPipeline::enter() {
  if (PQenterPipelineMode(connection_.get()) != 1) fail("pipeline");
}

void PgPipeline::send(const char* sql) {
  if (PQsendQueryParams(connection_.get(), sql, 0, nullptr, nullptr, nullptr, nullptr, 0) != 1) fail(sql);
}

void PgPipeline::send_prepared(const char* name, std::initializer_list<PgParam> params) {
  values_.clear();
  lengths_.clear();
  formats_.clear();
  for (const PgParam& param : params) {
    values_.push_back(param.data);
    lengths_.push_back(param.size);
    formats_.push_back(param.binary ? 1 : 0);
  }
  if (PQsendQueryPrepared(connection_.get(), name, static_cast<int>(params.size()), values_.data(),
                          lengths_.data(), formats_.data(), 0) != 1)
    fail(name);
}

void PgPipeline::flush() {
  if (PQsendFlushRequest(connection_.get()) != 1 || PQflush(connection_.get()) != 0) fail("flush");
}

void PgPipeline::sync() {
  if (PQpipelineSync(connection_.get()) != 1) fail("sync");
}

PgPipeline::Result PgPipeline::take() {
  Result result(PQgetResult(connection_.get()), &PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail("statement");
  if (PGresult* more = PQgetResult(connection_.get()); more != nullptr) fail("more than one result");
  return result;
}

void PgPipeline::take_sync() {
  const Result result(PQgetResult(connection_.get()), &PQclear);
  if (PQresultStatus(result.get()) != PGRES_PIPELINE_SYNC) fail("sync");
}

void PgPipeline::fail(const char* what) const {
  throw std::runtime_error(std::string("PostgreSQL: ") + what + ": " + PQerrorMessage(connection_.get()));
}

} // namespace hostler::bench
