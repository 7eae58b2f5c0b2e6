// The pipeline's last step where the brokers' transaction settles a slice: publishing, the offset, the commit.
#include <string>

#include "runtime/log.h"
#include "runtime/pipeline.h"

namespace hostler::runtime {

bool Pipeline::transact(const Slice& slice, Settled& end) {
  end = Settled::yes;
  Outgoing out;
  gather(slice, out);
  Transaction& transaction = *parts_.source.transaction();
  const auto begun = [&] {
    const LaneProgress::Visit waits(parts_.progress, LaneProgress::Place::brokers);
    return transaction.begin(batch_, mark_to(slice));
  }();
  switch (begun.kind) {
    case Transaction::Beginning::Kind::begun: return transact(transaction, slice, out, end);
    case Transaction::Beginning::Kind::settled: return true;
    case Transaction::Beginning::Kind::moved:
      log(LogLevel::warn, place(slice, 0) + ": another owner moved the group's offset to " + std::to_string(begun.committed.value) + "; reading goes on there");
      parts_.lane.rollback();
      parts_.source.give_back(batch_, begun.committed, parts_.clock.steady());
      end = Settled::given_back;
      return false;
    case Transaction::Beginning::Kind::failed: break;
  }
  parts_.lane.rollback();
  if (!pause("transaction: " + begun.why)) end = give_back(slice, core::Millis(0));
  return false;
}

bool Pipeline::transact(Transaction& transaction, const Slice& slice, const Outgoing& out, Settled& end) {
  const auto failures = out.records.empty() ? std::vector<PublishFailure>() : publish_all(&transaction, out);
  std::string why;
  CommitOutcome outcome = CommitOutcome::failed;
  if (failures.empty()) {
    const LaneProgress::Visit waits(parts_.progress, LaneProgress::Place::brokers);
    if (const auto sent = transaction.send_offset(); !sent) {
      why = sent.error().message;
    } else {
      outcome = transaction.commit(&why);
    }
  }
  if (outcome == CommitOutcome::committed) {
    report_published(out.records, {});
    return true;
  }
  parts_.lane.rollback();
  if (outcome == CommitOutcome::unknown) {  // the next try finds out
    log(LogLevel::warn, place(slice, 0) + ": whether the transaction is committed is not known (" + why + "); the group's offset will tell");
    return false;
  }
  transaction.abort();
  if (failures.empty()) {
    if (!pause("transaction: " + why)) end = give_back(slice, core::Millis(0));
    return false;
  }
  report_published(out.records, failures);
  after_failed_publish(slice, out, failures, end);
  return false;
}

}  // namespace hostler::runtime
