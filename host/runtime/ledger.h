// The ledger: who owns a partition (marks), which event ids are settled, which records are delegated to retry topics or
// dead letters, and the transaction that makes them and a handler's SQL one outcome. Tables and steps: the protocol page.
// store/ implements it on PostgreSQL and SQLite; tests/fakes in memory; one contract suite runs on all.
//
// A session is one database session leased for one batch, used by one thread at a time. Between begin() and commit()
// or rollback() it holds a transaction; the settle calls below need one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/record.h"
#include "core/result.h"
#include "core/types.h"
#include "runtime/sql.h"

namespace hostler::runtime {

class LedgerOperations;  // ledger_operations.h

// What went wrong in the database, by sqlstate (PostgreSQL) or result code (SQLite), as the protocol's step 5 sorts it.
struct LedgerError {
  enum class Kind : std::uint8_t {
    record,   // classes 22, 23 (SQLite: CONSTRAINT, MISMATCH, TOOBIG): the statement's record is at fault
    again,    // 40001, 40P01, 55P03 (SQLite: BUSY): run the transaction again, no attempt spent
    outage,   // 08, 25006, 53, 57, 58, disk full, I/O: the database is at fault; intake pauses
    handler,  // 42 and whatever else a handler's statement causes: missing table, syntax
    refused,  // the statement was refused before it was sent (BEGIN, COMMIT, SET, …)
  };
  Kind kind = Kind::outage;
  std::string code;        // sqlstate, or SQLite's result name
  std::string message;     // the database's words without parameter values
};

template <class T>
using LedgerResult = core::Result<T, LedgerError>;
using LedgerStatus = core::Status<LedgerError>;

// Identity of a mark: service (handler name), topic, the ledger's generation of it, partition.
struct MarkKey {
  std::string_view topic;
  std::int32_t topic_id = 0;
  core::Partition partition;
};

struct MarkMove {
  MarkKey key;
  core::Mark from;                 // next and epoch as this owner knows them
  core::Offset to;                 // new next_offset
  core::Offset acked;              // last commit that Kafka acknowledged; -1 unknown
  core::Offset last_offset;        // fingerprint of the last settled record
  core::Timestamp last_timestamp{};
  std::uint64_t last_hash = 0;
};

struct IdRow {
  std::string_view event_id;       // at most 255 bytes of valid UTF-8 without NUL
  std::string_view event_type;     // may be empty; cut to 255 bytes by the store if longer
  std::string_view topic;          // origin
  core::Partition partition;
  core::Offset offset;
};

enum class RowState : std::uint8_t { done, retry, dead, parked };

struct OriginKey {
  std::string_view topic;
  std::int32_t topic_id = 0;
  core::Partition partition;
  core::Offset offset;
};

// A row of hostler_delegated as read.
struct Delegated {
  RowState state = RowState::retry;
  core::Step step;
  core::Attempt attempt;
  core::Timestamp due{};
  core::Timestamp first_seen{};
  std::string event_id;
};

// A row of hostler_delegated to write (insert, or replace the origin's row).
struct Delegation {
  OriginKey origin;
  RowState state = RowState::retry;
  core::Step step;
  core::Attempt attempt;
  core::Timestamp due{};
  core::Timestamp first_seen{};
  std::string_view event_id;
  core::Bytes key;                          // hashed to key_hash; null stays null
  std::optional<std::string> stored_record; // serialized record when no letter could be written; empty otherwise
};

struct StatementFailure {
  std::size_t index = 0;           // into the statements given
  LedgerError error;
};

enum class CommitOutcome : std::uint8_t { committed, failed, unknown };

struct TakeOver {
  core::TopicPartition where;
  core::Offset start;              // used when the mark does not exist yet
};

// A record in whose handling hosts died, on whichever host: a row of hostler_suspect. It is known by where it is delivered; on a source topic
// that is its origin. Any settlement erases it, so that the place outlives every question about it.
struct Suspect {
  std::string service;
  core::TopicPartition where;
  std::int32_t topic_id = 0;       // of a source topic; 0 on a retry topic
  core::Offset offset;
  std::uint32_t crashes = 1;
  std::uint32_t alone = 0;         // … of them when no other record could be to blame
  bool hung = false;               // the last time: the handler did not return in time
  std::string how;                 // the last time, in words: "signal 11 (SIGSEGV)"
};

// A partition that was taken over, whose records below `next` are settled.
struct TakenPartition {
  core::TopicPartition where;
  std::int32_t topic_id = 0;
  core::Offset next;
};

// How old rows of a service may become, by the database's clock.
struct ExpiryRule {
  std::string_view service;
  core::Millis done_after{};       // ids of settled records, since they were settled
  core::Millis dead_after{};       // rows of dead records, since they died; their ids go when the row is gone
};

// Where a pass over the ledger's tables stands. A pass begins with {}.
struct ExpiryPlace {
  enum class Table : std::uint8_t { delegated, ids } table = Table::delegated;
  std::int64_t row = 0;            // the store's own; what lies before it was looked at
};
// The table's name in the database.
[[nodiscard]] constexpr std::string_view to_text(ExpiryPlace::Table table) {
  return table == ExpiryPlace::Table::delegated ? "hostler_delegated" : "processed_events";
}

struct Expired {
  std::uint64_t rows = 0;          // deleted from the table of the place that was given
  std::optional<ExpiryPlace> next; // empty: the pass is complete
  bool elsewhere = false;          // another host does just this: nothing was done
};

class LedgerSession {
 public:
  virtual ~LedgerSession() = default;

  // -- the transaction --
  // SQLite: BEGIN IMMEDIATE (waits for the single writer). PostgreSQL may send it with the first statement, whose error then is begin's.
  virtual LedgerStatus begin() = 0;
  virtual void rollback() = 0;                      // never fails; a broken session is replaced by the next begin()
  // failed: surely rolled back. unknown: the reply was lost; look at the mark on a new session.
  virtual CommitOutcome commit(LedgerError* why) = 0;
  [[nodiscard]] virtual bool in_transaction() const = 0;

  // -- event ids (idempotency = event-id) --
  // Unlocked look at which ids are settled or taken; needs no transaction. settled[i] = 1 if a row exists.
  virtual LedgerStatus find_ids(std::string_view service, std::span<const IdRow> ids, std::span<std::uint8_t> settled) = 0;
  // Claims in sorted order, ON CONFLICT DO NOTHING. claimed[i] = 1 if this transaction owns the row now. A twin later in
  // the same span is not claimed (the first one is).
  virtual LedgerStatus claim_ids(std::string_view service, std::span<const IdRow> ids, std::span<std::uint8_t> claimed) = 0;
  // States of ids that are not plain `done` (and back to done from a retry: from then on they count as settled, see Ledger::expire).
  virtual LedgerStatus set_id_states(std::string_view service, std::span<const std::string_view> ids, RowState state) = 0;

  // -- fence --
  // Compare-and-set of the mark, held until COMMIT. False: another owner moved on; roll back and take over again.
  virtual LedgerResult<bool> fence(std::string_view service, const MarkMove& move) = 0;
  // Waits for a publisher in flight on these marks (never while holding row locks: own transactions, none may be open).
  virtual LedgerStatus barrier(std::string_view service, std::span<const MarkKey> marks) = 0;

  // -- delegated records --
  // Locks (FOR UPDATE, sorted by origin) and reads; result parallel to the origins, empty where there is no row.
  virtual LedgerResult<std::vector<std::optional<Delegated>>> lock_delegated(std::string_view service, std::span<const OriginKey> origins) = 0;
  virtual LedgerStatus write_delegated(std::string_view service, std::span<const Delegation> rows) = 0;
  virtual LedgerStatus erase_delegated(std::string_view service, std::span<const OriginKey> origins) = 0;

  // -- suspects --
  // The records delivered at these places are settled.
  virtual LedgerStatus erase_suspects(std::string_view service, std::span<const OriginKey> places) = 0;

  // -- the handler's SQL --
  // Pipelined, in order, then SET CONSTRAINTS ALL IMMEDIATE. Empty: all fine. After a failure the transaction is aborted: roll back.
  // A failure of the deferred constraints has index = statements.size().
  virtual std::optional<StatementFailure> run(std::span<const SqlStatement> statements) = 0;
  // fence() and run() in one round trip where the database can. Not held: the statements' failure means nothing; roll back.
  struct Settled {
    bool held = false;
    std::optional<StatementFailure> failure;
  };
  virtual LedgerResult<Settled> fence_and_run(std::string_view service, const MarkMove& move, std::span<const SqlStatement> statements) {
    auto held = fence(service, move);
    if (!held) return std::move(held.error());
    if (!*held) return Settled{};
    return Settled{true, run(statements)};
  }
  // Runs now. `read_only` is a promise of the handler, checked on SQLite. Returns the number of rows given to on_row.
  virtual LedgerResult<std::size_t> query(const SqlStatement& statement, bool read_only, const SqlRow& on_row) = 0;
  // Second net against statements that end or change the transaction: true if the transaction is still the one begin() opened.
  virtual LedgerResult<bool> same_transaction() = 0;
};

// One database. Thread-safety: any thread.
class Ledger {
 public:
  virtual ~Ledger() = default;
  [[nodiscard]] virtual SqlDialect dialect() const = 0;
  // Leases a session from a pool bounded by max_sessions; waits until one is free. Returned to the pool by destruction.
  // Reconnects lazily; an unreachable database shows as `outage` from the session's first call.
  virtual std::unique_ptr<LedgerSession> lease() = 0;
  // Step 0: locks each mark FOR UPDATE (creating it at `start` where missing), bumps its epoch, commits. Sorted inside.
  // Result parallel to the request.
  virtual LedgerResult<std::vector<core::Mark>> take_over(std::string_view service, std::string_view cluster_id,
                                                          std::span<const TakeOver> partitions) = 0;
  // Outside of the records' way: what operators do. Lives as long as the ledger.
  virtual LedgerOperations& operations() = 0;
  // Adds each suspect's crash to what the ledger knows of it, in one transaction. `run` names the run of the host that died, all of whose suspects are
  // told at once: what is told of it a second time changes nothing, within 30 days.
  virtual LedgerStatus add_suspects(std::string_view run, std::span<const Suspect> suspects) = 0;
  // The suspects of these partitions in the order of their offsets; erases those that are below `next`.
  virtual LedgerResult<std::vector<Suspect>> suspects(std::string_view service, std::span<const TakenPartition> partitions) = 0;
  // One step of a pass that deletes what is older than the rules allow: at most `most` rows (at least 1), in a short transaction that waits for
  // nobody's row. A row that somebody holds stays for the next pass. Never touched: rows in state retry or parked, services without a rule.
  virtual LedgerResult<Expired> expire(std::span<const ExpiryRule> rules, ExpiryPlace from, std::uint32_t most) = 0;
  // Whether something could be settled now: the database answers, the tables are there, and they can be written. For health: changes nothing and locks
  // no row, has a session of its own, so that it answers while all others are leased, waits for no writer of this process, and ends within seconds.
  virtual LedgerStatus probe() = 0;
};

// Statements whose first word (after comments and blanks) would end or change the transaction: BEGIN, START, COMMIT, END,
// ROLLBACK, ABORT, SAVEPOINT, RELEASE, PREPARE, SET, RESET, DISCARD, COPY. Returns that word, empty if the statement may be sent.
[[nodiscard]] std::string_view refused_statement(std::string_view sql);

}  // namespace hostler::runtime
