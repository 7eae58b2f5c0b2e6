// Many statements in one round trip: libpq's pipeline mode on the raw handle between SOCI's calls. For handlers' statements, and for those of the
// ledger that every batch needs (BEGIN with the claim, the fence with the handler's statements). Each text is prepared once per connection.
// Private to store/. Thread-safety: one thread, the session's.
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
#include "store/pg_link.h"
#include "store/pg_text.h"

namespace hostler::store {

class PgPipeline {
 public:
  // A statement of the ledger's own: a literal, and parameters as text, which outlive the call.
  struct Own {
    std::string_view sql;
    std::vector<const char*> values;
  };
  struct Outcome {
    std::vector<std::int64_t> affected;                // rows, parallel to the own statements that ran
    std::optional<runtime::LedgerError> own_failure;   // then nothing behind it ran
    std::optional<runtime::StatementFailure> failure;  // of the handler's statements
  };
  enum class Constraints : std::uint8_t { leave, check };

  // The link must outlive this.
  explicit PgPipeline(PgLink& link) : link_(link), connection_(link.raw()) {}

  // The own statements, the handler's, and behind them, if asked for, the deferred constraints, whose failure has the index statements.size().
  // In order; the first failure counts. Nothing is sent if a statement is refused. `question`: what an error calls it.
  Outcome run(const char* question, std::span<const Own> own, std::span<const runtime::SqlStatement> statements, Constraints constraints);
  runtime::LedgerResult<std::size_t> query(const runtime::SqlStatement& statement, const runtime::SqlRow& on_row);

  // Set when a statement ended or changed the transaction or the session although its first word was innocent (its command tag says so), or
  // when the pipeline could not be left: the connection must not be used again.
  [[nodiscard]] bool tainted() const { return tainted_; }

 private:
  struct Prepared {
    std::string name;
    std::string refused;  // a refused first word
    enum class State : std::uint8_t { no, sent, yes } state = State::no;
  };
  struct Sent {
    enum class What : std::uint8_t { prepare, own, statement, constraints } what;
    std::size_t index;  // of the own statement, or the handler's
    Prepared* prepared;
    bool reused;  // prepared by an earlier call
    bool of_handler;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>()(s); }
  };
  using Cache = std::unordered_map<std::string, Prepared, Hash, std::equal_to<>>;

  Prepared& look_up(Cache& cache, std::string_view sql);
  void empty_cache_if_full();
  std::optional<runtime::StatementFailure> refuse(std::span<const runtime::SqlStatement> statements);
  // What could not be sent, because libpq refused it or the connection is gone; what was sent is in sent_.
  std::optional<Sent> send(std::span<const Own> own, std::span<const runtime::SqlStatement> statements, Constraints constraints);
  bool send_prepare(std::string_view sql, const Sent& statement);
  bool send_own(std::string_view sql, std::span<const char* const> values, Sent& statement);
  void receive(Outcome& out);
  std::optional<runtime::LedgerError> judge(const PGresult* result, const Sent& sent);
  void fail(Outcome& out, const Sent& sent, runtime::LedgerError error);
  void leave_pipeline();

  PgLink& link_;
  PGconn* const connection_;
  PgParams params_;
  PgRow row_;
  Cache own_, handlers_;
  std::uint64_t names_ = 0;
  std::vector<Prepared*> batch_;  // parallel to the handler's statements of the call
  std::vector<Sent> sent_;
  bool tainted_ = false;
};

}  // namespace hostler::store
