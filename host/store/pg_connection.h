// One connection to PostgreSQL: SOCI owns it, the raw handle serves what SOCI cannot do (pipelines, COMMIT's tag). Private to store/.
// Never reconnected in place (SOCI frees the backend under its statements): a broken one is thrown away whole. No failover callback,
// which would carry on outside of the transaction. Thread-safety: one thread at a time.
#pragma once

#include <libpq-fe.h>
#include <soci/soci.h>

#include <memory>
#include <string>

#include "runtime/ledger.h"
#include "store/pg_hot_path.h"
#include "store/pg_pipeline.h"
#include "store/pg_statements.h"

namespace hostler::store {

class PgConnection {
 public:
  // `conninfo` from parse_ledger_url. Any failure is an outage.
  static runtime::LedgerResult<std::unique_ptr<PgConnection>> connect(const std::string& conninfo);

  [[nodiscard]] PGconn* raw() const { return raw_; }
  [[nodiscard]] PgStatements& ledger() { return *ledger_; }
  [[nodiscard]] PgHotPath& hot() { return hot_; }
  [[nodiscard]] PgPipeline& pipeline() { return *pipeline_; }
  // A statement without parameters and rows; returns the command tag.
  runtime::LedgerResult<std::string> exec(const char* sql);

  // Alive, idle, untainted; without a round trip: a server that closed the connection has made its socket readable.
  [[nodiscard]] bool usable() const;

 private:
  explicit PgConnection(const std::string& conninfo);

  soci::session session_;
  PGconn* raw_;
  // Die before the session.
  std::unique_ptr<PgStatements> ledger_;
  std::unique_ptr<PgPipeline> pipeline_;
  PgHotPath hot_;
};

}  // namespace hostler::store
