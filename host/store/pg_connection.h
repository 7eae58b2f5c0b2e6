// One connection to PostgreSQL: SOCI owns it, the raw handle serves what SOCI cannot do (pipelines, COMMIT's tag). Private to store/.
// Never reconnected in place (SOCI frees the backend under its statements): a broken one is thrown away whole. No failover callback,
// which would carry on outside of the transaction. Thread-safety: one thread at a time.
#pragma once

#include <libpq-fe.h>
#include <soci/soci.h>

#include <memory>
#include <string>

#include "runtime/ledger.h"
#include "store/pg_access.h"
#include "store/pg_hot_path.h"
#include "store/pg_link.h"
#include "store/pg_pipeline.h"
#include "store/pg_statements.h"

namespace hostler::store {

class PgConnection {
 public:
  // Gets in within the access' connect_limit, and waits at most `patience` for each answer later on (0: for ever); the server ends a little earlier
  // what takes it too long. Any failure is an outage.
  static runtime::LedgerResult<std::unique_ptr<PgConnection>> connect(const std::shared_ptr<const PgAccess>& access, core::Millis patience);
  ~PgConnection();
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  [[nodiscard]] PGconn* raw() const { return link_->raw(); }
  [[nodiscard]] PgLink& link() { return *link_; }
  [[nodiscard]] PgStatements& ledger() { return *ledger_; }
  [[nodiscard]] PgHotPath& hot() { return hot_; }
  [[nodiscard]] PgPipeline& pipeline() { return *pipeline_; }
  // A statement without parameters; `question`: what an error calls it (a literal), null: the statement itself.
  using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;
  [[nodiscard]] Result ask(const char* sql, const char* question = nullptr);
  // The same without rows; returns the command tag.
  runtime::LedgerResult<std::string> exec(const char* sql, const char* question = nullptr);

  // Alive, idle, untainted; without a round trip: a server that closed the connection has made its socket readable.
  [[nodiscard]] bool usable() const;

 private:
  PgConnection(std::unique_ptr<soci::session> session, const std::shared_ptr<IoWatchdog>& watchdog, core::Millis patience);
  runtime::LedgerStatus bound_server(core::Millis patience);

  std::unique_ptr<soci::session> session_;
  std::unique_ptr<PgLink> link_;
  // Die before the session.
  std::unique_ptr<PgStatements> ledger_;
  std::unique_ptr<PgPipeline> pipeline_;
  PgHotPath hot_;
};

}  // namespace hostler::store
