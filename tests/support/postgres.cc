#include "support/postgres.h"

#include <libpq-fe.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "support/env.h"

namespace hostler::testing {

void Postgres::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

Postgres::Postgres(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK)
    throw std::runtime_error("no connection to " + url + ": " + PQerrorMessage(connection_.get()));
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
}

Rows Postgres::query(const std::string& sql) {
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection_.get(), sql.c_str()),
                                                             &PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY)
    throw std::runtime_error(std::string(PQerrorMessage(connection_.get())) + "in: " + sql);
  Rows rows(static_cast<std::size_t>(PQntuples(result.get())));
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      const bool null = PQgetisnull(result.get(), row, column) != 0;
      rows[static_cast<std::size_t>(row)].emplace_back(null ? "NULL" : PQgetvalue(result.get(), row, column));
    }
  }
  return rows;
}

PostgresSchema::PostgresSchema() : PostgresSchema(postgres_url()) {}

PostgresSchema::PostgresSchema(std::string server_url)
    : server_url_(std::move(server_url)), name_(unique_prefix()) {
  name_.pop_back();
  std::replace(name_.begin(), name_.end(), '-', '_');
  Postgres(server_url_).exec("CREATE SCHEMA " + name_);
}

PostgresSchema::~PostgresSchema() {
  try {
    Postgres(server_url_).exec("SET lock_timeout = '5s'; DROP SCHEMA " + name_ + " CASCADE");
  } catch (const std::exception& error) { // a private server that was stopped, or a lock somebody still holds
    std::fprintf(stderr, "schema %s stays: %s\n", name_.c_str(), error.what());
  }
}

std::string PostgresSchema::url() const {
  const char separator = server_url_.find('?') == std::string::npos ? '?' : '&';
  return server_url_ + separator + "options=-csearch_path%3D" + name_;
}

} // namespace hostler::testing
