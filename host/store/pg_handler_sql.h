// A handler's statements on PostgreSQL: sent in libpq's pipeline mode on the raw handle between SOCI's calls, each text prepared once per
// connection. Private to store/. Thread-safety: one thread, the session's.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/ledger.h"
#include "store/pg_text.h"

namespace hostler::store {

class PgHandlerSql {
 public:
  // The connection must outlive this.
  explicit PgHandlerSql(PGconn* connection) : connection_(connection) {}

  // In order; the first failure counts. With `check_constraints`, deferred constraints are checked behind them: their failure has the index
  // statements.size(). Nothing is sent if a statement is refused.
  std::optional<runtime::StatementFailure> run(std::span<const runtime::SqlStatement> statements, bool check_constraints);
  runtime::LedgerResult<std::size_t> query(const runtime::SqlStatement& statement, const runtime::SqlRow& on_row);

  // Set when a statement ended or changed the transaction or the session although its first word was innocent (its command tag says so), or when the
  // pipeline could not be left: the connection must not be used again.
  [[nodiscard]] bool tainted() const { return tainted_; }

 private:
  struct Prepared {
    std::string name;
    std::string refused;  // a refused first word
    enum class State : std::uint8_t { no, sent, yes } state = State::no;
  };
  struct Sent {
    enum class What : std::uint8_t { prepare, execute, constraints } what;
    std::size_t index;
    Prepared* prepared;
    bool reused;  // prepared by an earlier call
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
  };

  Prepared& look_up(std::string_view sql);
  void empty_cache_if_full();
  std::optional<runtime::StatementFailure> refuse(std::span<const runtime::SqlStatement> statements);
  bool send(std::span<const runtime::SqlStatement> statements, bool check_constraints);
  std::optional<runtime::StatementFailure> receive();
  std::optional<runtime::LedgerError> judge(const PGresult* result, const Sent& sent);
  void leave_pipeline();
  runtime::StatementFailure failure(std::size_t index, const PGresult* result) const;

  PGconn* connection_;
  PgParams params_;
  PgRow row_;
  std::unordered_map<std::string, Prepared, Hash, std::equal_to<>> cache_;
  std::uint64_t names_ = 0;
  std::vector<Prepared*> batch_;  // parallel to the statements of the call
  std::vector<Sent> sent_;
  bool tainted_ = false;
};

}  // namespace hostler::store
