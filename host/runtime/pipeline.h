// The way of a record, one straight line on one lane thread: poll, begin, execute, route, fence, publish, commit. Where the source has
// a transaction of the brokers (no ledger), the last two are one step that moves the offset as well: transact.
// A Pipeline serves one source (a source topic's partitions, or the retry tiers) with one lane. It never skips a record: what
// cannot be settled now is kept and tried again, or given back to the source when the assignment ends.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/disposition.h"
#include "core/host_config.h"
#include "core/record.h"
#include "runtime/clock.h"
#include "runtime/crash_journal.h"
#include "runtime/decoder.h"
#include "runtime/handling_gate.h"
#include "runtime/intake.h"
#include "runtime/lane.h"
#include "runtime/outbox_relay.h"
#include "runtime/observer.h"
#include "runtime/progress.h"
#include "runtime/publisher.h"
#include "runtime/rate_limit.h"
#include "runtime/source.h"
#include "runtime/suspects.h"
#include "runtime/transaction.h"

namespace hostler::runtime {

// Step 0 for one partition: takes the mark over again after a failed fence or a COMMIT whose reply was lost.
class MarkOwner {
 public:
  virtual ~MarkOwner() = default;
  virtual LedgerResult<core::Mark> take_over(const core::TopicPartition& where, core::Offset start) = 0;
};

struct PipelineParts {
  const core::HandlerConfig& handler;
  Source& source;
  Lane& lane;
  Publisher& publisher;
  Clock& clock;
  Observer& observer;
  MarkOwner* marks = nullptr;  // null without a ledger
  std::vector<std::string> event_types;  // what the handler takes; empty: all
  LaneProgress* progress = nullptr;      // where the lane's turns are noted; may be null
  RateLimit* rate_limit = nullptr;       // shared by the handler's pipelines; null: none
  Intake* intake = nullptr;              // shared likewise; null: no breaker
  bool retries = false;                  // the source is the retry topics'
  OutboxRelay* relay = nullptr;          // hears of rows in the outbox; null: none are written
  Suspects* suspects = nullptr;          // shared likewise; null: there are none
  HandlingGate* gate = nullptr;          // shared by all lanes of the host; null: suspects have company
  JournalLane* journal = nullptr;        // where it is noted what is in the handler's hands; may be null
};

class Pipeline {
 public:
  explicit Pipeline(PipelineParts parts);
  ~Pipeline();

  // One batch, if one comes within `wait`. False: none came.
  bool run_once(core::Millis wait);

 private:
  enum class Settled : std::uint8_t { yes, split, given_back };
  struct Forced {  // a record that is not handled (again): decided by an earlier run of this slice
    bool on = false;
    bool too_large_for_retry = false;
    bool store_record = false;
    core::Verdict verdict = core::Verdict::unset;
    core::LetterSize letter = core::LetterSize::full;
    core::VerdictDetail detail;
  };
  struct Outgoing {  // copies, letters and outputs of one slice, with the record each belongs to
    std::vector<OutRecord> records;
    std::vector<std::size_t> owner;  // slice index of records[i]; shorter: the rest are outputs
    std::deque<std::string> values;  // JSON letters, kept while publishing
  };

  struct Poll {  // how many records, and how long to wait for the first
    std::size_t most = 0;
    core::Millis wait{0};
  };
  [[nodiscard]] Poll may_poll(core::Millis wait);
  void run_batch();
  void cut(std::size_t count, std::vector<Slice>& slices);
  Settled settle(const Slice& slice);
  bool handle(const Slice& slice, Settled& end);
  [[nodiscard]] bool name_pieces(const Slice& slice);
  Settled after_failed_execution(const Slice& slice, ExecuteFailure& failure, core::SteadyTime called);
  void route(const Slice& slice);
  bool rerun_without_undone(const Slice& slice, Settled& end);
  bool fence(const Slice& slice, Settled& end);
  bool publish(const Slice& slice, Settled& end);
  bool commit(const Slice& slice, Settled& end);
  bool transact(const Slice& slice, Settled& end);
  bool transact(Transaction& transaction, const Slice& slice, const Outgoing& out, Settled& end);
  bool look_at_mark(const Slice& slice, Settled& end, bool reply_lost);
  void gather(const Slice& slice, Outgoing& out);
  std::vector<PublishFailure> publish_all(Transaction* transaction, const Outgoing& out);
  void after_failed_publish(const Slice& slice, const Outgoing& out, std::span<const PublishFailure> failures, Settled& end);
  void build_copy(const Slice& slice, std::size_t index, Outgoing& out);
  void note_publish_failure(const Slice& slice, std::size_t index, const PublishFailure& failure);
  void force(std::size_t index, core::Verdict verdict, core::VerdictDetail detail);
  [[nodiscard]] core::Verdict sql_verdict() const;
  void report(const Slice& slice);
  void tell_relay(const Slice& slice) const;
  void report_published(std::span<const OutRecord> records, std::span<const PublishFailure> failures);
  [[nodiscard]] bool outage(const std::string& why);
  [[nodiscard]] bool pause(const std::string& why);
  [[nodiscard]] bool still_mine() const;
  void say_paused(const std::string& why);
  [[nodiscard]] bool run_again(const LedgerError& why, core::SteadyTime asked);
  void flowing();
  void note_suspects(const Slice& slice);
  void tell_intake(const Slice& slice);
  void note_intake(Intake::Change change);
  void turned() const;
  Settled give_back(const Slice& slice, core::Millis hold);
  [[nodiscard]] core::Offset mark_to(const Slice& slice) const;
  [[nodiscard]] const core::VerdictDetail* detail_of(const Slice& slice, std::size_t index) const;
  [[nodiscard]] std::string place(const Slice& slice, std::size_t index) const;

  PipelineParts parts_;
  Decoder decoder_;
  core::Batch batch_;
  std::vector<Forced> forced_;                   // parallel to batch_.records, and maybe longer
  bool any_forced_ = true;                       // … and whether one of them differs from its default
  // parallel to the slice being settled:
  std::vector<Admission> admissions_;
  std::vector<std::uint8_t> run_, ran_;          // to be handled now; what verdicts_ stands for
  std::vector<OffsetRun> pieces_;                // run_ as the journal names it
  std::size_t in_hand_ = 0;                      // … and how many records that is
  Verdicts verdicts_;
  bool executed_ = false;                        // verdicts_ belongs to this slice and may be used again
  std::vector<core::Disposition> dispositions_;
  std::size_t sql_failures_ = 0, reruns_ = 0, collisions_ = 0;
  core::SteadyTime began_{};
  core::Millis pause_{0};
  std::string paused_because_;
};

}  // namespace hostler::runtime
