// The world of the settlement model: what tables, topics and processes hold, as one struct of bytes. Locks are not stored: they follow
// from where each process is in its transaction. What a transaction has written becomes visible at its COMMIT, all at once.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <vector>

#include "core/host_config.h"

namespace hostler::model {

using u8 = std::uint8_t;
inline constexpr u8 max_records = 3, max_partitions = 2, max_owners = 3, max_workers = 2, max_tiers = 2, max_batch = 2, log_room = 8;
inline constexpr u8 max_step = 7, max_attempt = 3;  // what a Copy has room for

// A copy in a retry topic, with what its headers say. `origin` is the source record's number.
struct Copy {
  u8 origin : 2 = 0;
  u8 step : 3 = 0;
  u8 attempt : 2 = 0;
  u8 replay : 1 = 0;
  bool operator==(const Copy&) const = default;
};

// -- what the ledger has committed --

struct MarkRow {
  u8 next = 0;
  u8 holder = 0;  // the owner whose epoch is current, from 1; 0: nobody's (an operator raised it)
};
enum class RowState : u8 { none, retry, dead };
struct Row {
  RowState state = RowState::none;
  u8 step = 0, attempt = 0;
};
enum class IdState : u8 { none, done, retry, dead };

// -- topics --

struct Tier {
  u8 length = 0, offset = 0;  // what is in the topic; the retry group's committed offset
  std::array<Copy, log_room> log{};
};
// A record that was sent and not reported; it may arrive at any time.
enum class Where : u8 { nowhere, first_tier, second_tier, letters };
struct Message {
  Copy copy{};
  Where to = Where::nowhere;
};

// -- processes --

// What a record came to in the transaction at hand: the handler's verdict, or that it is not to be handled.
enum class Fate : u8 { duplicate, done, retry, reject };

enum class OwnerPhase : u8 {
  away,     // not assigned, or to take over anew (step 0)
  ready,    // knows the mark; no transaction
  free,     // has handled a batch without a transaction (handlers that do not query)
  handled,  // transaction open, ids claimed, batch handled
  fenced,   // holds the mark's row
  doubt,    // COMMIT is sent, its reply is lost
};
struct Owner {
  OwnerPhase phase = OwnerPhase::away;
  u8 next = 0;   // the mark as it knows it; the batch starts there
  u8 count = 0;  // records in the batch
  std::array<Fate, max_batch> fate{};
  u8 sent = 0;   // bit per record whose copy or letter is delivered
  u8 killed = 0; // its session is gone and it does not know
};

enum class WorkerPhase : u8 {
  idle,
  held,     // has polled copies
  behind,   // rows were missing: waits to pass their marks (the barrier), holding nothing
  passed,   // has passed
  unsure,   // an unlocked look calls a copy a duplicate: to be judged with the rows locked
  locking,  // locks its rows one by one, from the snapshot its statement began with
  free,     // has handled the copies without a transaction
  handled,  // transaction open, rows locked, copies handled
  doubt,    // COMMIT is sent, its reply is lost
  settled,  // committed, or nothing to do; the offset is not committed yet
};
struct Worker {
  WorkerPhase phase = WorkerPhase::idle;
  WorkerPhase then = WorkerPhase::idle;  // while locking: what the look is for
  u8 tier = 0, count = 0;
  u8 from = 0;                           // where the batch begins in the tier's log
  u8 gone = 0;                           // … and how much of the batch has been cut off the log since
  std::array<Copy, max_batch> copy{};
  std::array<u8, max_batch> attempt{};
  std::array<Fate, max_batch> fate{};
  u8 found = 0, locked = 0;              // bit per copy: its row was there when the statement began; is locked
  u8 kept = 0;                           // … is run by the first look (one defect does not read it again)
  u8 barriers = 0;                       // bit per partition: its mark is still to be passed
  u8 sent = 0, killed = 0;               // as in Owner
};

// What may still go wrong, or be done by an operator; how often each.
struct Faults {
  u8 crash = 0;
  u8 kill = 0;     // a session, while its host lives
  u8 lost = 0;     // the reply to a COMMIT
  u8 late = 0;     // a produce that is reported as failed, or not at all, and lands later
  u8 replay = 0;   // of a dead letter
  u8 reread = 0;   // the retry group's offset is set back to the beginning
  u8 rewind = 0;   // `hostler offsets rewind`
  u8 expire = 0;   // retention deletes an id, or a dead row with its id
  u8 force = 0;    // `dlq replay --force` of a letter whose row expired
  u8 lose = 0;     // a copy vanishes from its topic unread
  u8 reissue = 0;  // `ledger stuck --reissue`
  u8 recreate = 0; // the topic is deleted and made anew, and adopted: partition 1 is partition 0 of the new one
};

// Set by a step that must never happen; see wrong().
enum class Broken : u8 { nothing, ran_without_row, revived, too_many_attempts, step_stood_still };

struct State {
  std::array<MarkRow, max_partitions> marks{};
  std::array<Row, max_records> rows{};          // by origin
  std::array<IdState, max_records> ids{};       // by event
  std::array<u8, max_records> effects{};        // by origin; committed, since the last rewind (or retention) of its identity
  std::array<u8, max_records> letters{};        // by origin: bit per step that has a letter
  std::array<u8, max_records> forgotten{};      // by event: had its outcome, which retention has deleted
  std::array<u8, max_records> seen{};           // by origin: attempts that were settled (one defect decides on them)
  std::array<Tier, max_tiers> tiers{};
  std::array<Owner, max_owners> owners{};
  std::array<Worker, max_workers> workers{};
  Message late{};
  Faults left{};
  u8 gone = 0;                                  // the old topic was deleted
  Broken broken = Broken::nothing;
};

// -- what is explored --

// Wrong protocols. Each must be found out.
enum class Defect : u8 {
  publish_before_fence,
  no_compare_and_set,
  copy_without_row,        // … runs
  no_barrier,              // a copy without a row is a duplicate at once
  offset_before_commit,
  ids_outside,             // ids are claimed in a transaction of their own
  id_freed_on_retry,
  letter_not_awaited,
  dedupe_by_attempt,       // a copy runs if its attempt was not seen yet
  doubt_is_failure,        // after a lost reply what was decided is written again, without looking at the rows
  doubt_is_success,        // after a lost reply the offset is committed
  unlocked_duplicate,      // a copy is dropped by an unlocked row
  not_judged_again,        // what was admitted unlocked is settled without locking and judging the row
  first_look_stands,       // behind the barrier only the missing rows are read again
  rewind_keeps_rows,       // offset mode
  idle_owner_looks_away,   // an owner with nothing to do does not look at the mark's epoch
  nobody_reissues,         // lost copies stay lost
  force_any_id,            // `dlq replay --force` does not claim the id
};

// Whether the handler runs inside the transaction; if not, how rows are looked at before.
enum class Handling : u8 { inside, outside_locked_look, outside_unlocked_look };

struct SourceRecord {
  u8 partition = 0;
  u8 event = 0;  // records of one event are twins
};

struct Scenario {
  std::vector<SourceRecord> records = {{0, 0}};  // in offset order within a partition
  std::vector<u8> owners = {0, 0};               // the partition of each
  u8 workers = 2;
  bool ids = true;                               // event-id mode; false: offset mode
  u8 owner_batch = 1, worker_batch = 1;          // at most
  u8 tiers = 2, retries = 2;
  bool rejects = true;                           // whether handlers may also reject
  Handling handling = Handling::inside;
  bool one_writer = false;                       // SQLite
  bool barrier = true;
  Faults faults{};
  bool by_outcome = false;                       // look at outcomes only, not at how they came about
  std::set<Defect> defects{};

  [[nodiscard]] bool has(Defect d) const { return defects.contains(d); }
};

}  // namespace hostler::model
