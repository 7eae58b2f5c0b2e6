// A lane: one handler lane and its database session, the pair that handles and settles one slice of a batch at a time.
// plugin/ implements it in process. Nothing here assumes shared memory with the handler beyond the call, so that a worker process
// can stand in later. One thread: the lane's.
//
// Calls per slice:  begin -> execute -> fence -> (publish by the pipeline) -> commit;  rollback at any point.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/disposition.h"
#include "core/record.h"
#include "core/result.h"
#include "runtime/ledger.h"
#include "runtime/publisher.h"

namespace hostler::runtime {

// Contiguous records of a batch that are settled together.
struct Slice {
  core::Batch* batch = nullptr;
  std::size_t first = 0, count = 0;
  [[nodiscard]] std::span<core::Record> records() const { return {batch->records.data() + first, count}; }
};

enum class Admission : std::uint8_t { run, duplicate };

// What execute() brought. Arrays are parallel to the slice; entries of records that were not run are left alone.
struct Verdicts {
  std::vector<core::Verdict> verdicts;
  std::map<std::size_t, core::VerdictDetail> details;  // only where there is one
  bool queried = false;         // some record called sql.query: after a rollback the slice is handled again
  bool wrote_by_query = false;  // … and wrote: a verdict that is not done forces a re-run
};

struct ExecuteFailure {
  enum class Kind : std::uint8_t {
    handler,      // error status or exception: the slice is narrowed down
    unavailable,  // HOSTLER_E_UNAVAILABLE: an outage, not poison
    ledger,       // the session broke under a query: see error
  };
  Kind kind = Kind::handler;
  core::VerdictDetail detail;  // code, message
  LedgerError error;
  std::size_t record = 0;      // ledger: slice index of the record whose query broke the session
};

struct Fenced {
  enum class Kind : std::uint8_t {
    fenced,      // held until commit; `duplicates` lists records that turned out to be settled meanwhile
    stale,       // another owner moved the mark: roll back, take over again
    record,      // records[failed] caused an error of its own (class 22, 23)
    narrow,      // some record's error, unknown whose (a deferred constraint)
    again,       // deadlock or serialization failure: roll back, run again
    outage,      // database down
    handler,     // a statement is wrong for every record (missing table): the handler's fault
  };
  Kind kind = Kind::fenced;
  std::vector<std::size_t> duplicates;  // slice indexes; their dispositions become duplicate, nothing of them is published
  std::size_t failed = 0;               // slice index
  LedgerError error;
};

class Lane {
 public:
  virtual ~Lane() = default;

  // Opens what the slice needs and admits its records (admissions parallel to the slice). On a retry topic it also writes what the
  // ledger's rows know better than headers: attempt, first_seen, event id.
  virtual LedgerStatus begin(const Slice& slice, std::span<Admission> admissions) = 0;

  // Runs the handler over the records with run[i] != 0.
  virtual core::Result<Verdicts, ExecuteFailure> execute(const Slice& slice, std::span<const std::uint8_t> run) = 0;

  // What done records published through hostler.publish/1, in order; valid until the next begin.
  virtual void take_outputs(const Slice& slice, std::span<const core::Disposition> dispositions, std::vector<OutRecord>& out) = 0;

  // Moves the mark to `mark_to`, sends the done records' SQL, writes ids and rows. Uncommitted.
  virtual Fenced fence(const Slice& slice, std::span<const core::Disposition> dispositions, core::Offset mark_to) = 0;
  virtual CommitOutcome commit(LedgerError* why) = 0;
  virtual void rollback() = 0;
};

}  // namespace hostler::runtime
