// Where records come from. A consumer (one group membership) feeds one Source per lane; kafka/ implements both,
// tests script them. Assignments is the other direction: the consumer asks where its partitions start.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "core/identity.h"
#include "core/record.h"
#include "core/result.h"
#include "core/types.h"

namespace hostler::runtime {

class Transaction;

// The record stream of one lane. One thread: the lane's.
class Source {
 public:
  virtual ~Source() = default;

  // Waits up to `wait` for records of ONE partition of this lane and puts at most `max_records` of them into `out`
  // (cleared first), in offset order. On a retry partition only records that are due; the head is held until then.
  // False: nothing came, or the consumer is draining (see draining()). Partitions take turns.
  // `max_wait`: how long the batch's first record may wait for company (max age, not debounce).
  virtual bool poll(core::Batch& out, std::size_t max_records, core::Millis max_wait, core::Millis wait) = 0;

  // Everything of the batch's assignment below `next` is settled: committed to Kafka soon (coalesced, every 100 ms, and at
  // revocation and close). Ignored when the assignment has ended. Also tells the consumer that the lane has let go of the batch.
  virtual void settled(const core::Batch& batch, core::Offset next) = 0;

  // The lane gives the rest of the batch up: what is below `resume_at` is settled (as by settled()), reading goes on at
  // `resume_at` (a seek on the same assignment) not before `not_before`. Ignored when the assignment has ended.
  // Each polled batch ends with exactly one settled() or give_back().
  virtual void give_back(const core::Batch& batch, core::Offset resume_at, core::SteadyTime not_before) = 0;

  // False once the batch's assignment has ended (revoked, lost, closed): what is in flight should be rolled back soon.
  [[nodiscard]] virtual bool owns(const core::Batch& batch) const = 0;

  // True from Consumer::drain() on: poll returns false at once, no new batch will come.
  [[nodiscard]] virtual bool draining() const = 0;

  // What settles this source's records where there is no ledger to do it; it moves the offset, too. Null: settled() and give_back() have
  // the offsets committed. Owned by the source.
  [[nodiscard]] virtual Transaction* transaction() { return nullptr; }
};

struct AssignedPartition {
  core::TopicPartition where;
  core::Offset start;  // Kafka's committed offset, or the resolved and just committed first start
};

struct StartPosition {
  core::Offset start;                    // where to read from
  std::optional<core::Mark> mark;        // empty when the ledger is off or on a retry topic
  std::optional<core::Refusal> refused = std::nullopt;  // not to be read: asked for again with growing pauses. The others are read meanwhile
};

// Who decides where an assignment starts. [consumer's control thread]
class Assignments {
 public:
  virtual ~Assignments() = default;
  // One position per partition, same order. An error means "not now" (ledger or broker down): the consumer stays in the group,
  // reads nothing and asks again with growing pauses up to 5 s.
  virtual core::Result<std::vector<StartPosition>> start_positions(std::span<const AssignedPartition> assigned) = 0;
  // Where partitions that the group has committed nothing for (any more) go on, in the order asked; empty: nobody remembers.
  virtual core::Result<std::vector<std::optional<core::Offset>>> remembered(std::span<const core::TopicPartition> partitions) {
    return std::vector<std::optional<core::Offset>>(partitions.size());
  }
  // Of a partition that nobody handles records of, now and then and when it ends: what Kafka has acknowledged under this mark. Quick.
  virtual void acknowledged(const core::TopicPartition& /*where*/, const core::Mark& /*mark*/, core::Offset /*acked*/) {}
  // True: somebody else has moved or taken over the mark, as far as is known; start_positions is asked for it again. Quick.
  virtual bool moved(const core::TopicPartition& /*where*/, const core::Mark& /*mark*/) { return false; }
  virtual void revoked(std::span<const core::TopicPartition> partitions, bool lost) = 0;
};

struct ConsumerState {
  bool joined = false;                             // has an assignment (possibly empty)
  std::vector<core::TopicPartition> partitions;    // assigned and being read
  std::string waiting_for;                         // why assigned partitions are not read yet; empty if they are
  std::uint64_t rebalances = 0;
};

// How far one assigned partition is.
struct PartitionProgress {
  core::TopicPartition where;
  core::Offset settled;                        // next offset to commit
  std::optional<core::Offset> end;             // high watermark as of the last fetch; empty: none yet
  std::optional<core::Timestamp> next_due;     // retry topics: when the head may run; empty: nothing was fetched
  std::string held{};                          // why it is not read until somebody decides; empty: it is read
};

// One group membership with its control thread. [control thread of the host, except the sources]
class Consumer {
 public:
  virtual ~Consumer() = default;             // closes if close() was not called
  virtual Source& source(std::size_t lane) = 0;  // owned by the consumer
  // Subscribes and returns; joining goes on in the background, with the broker down too.
  virtual core::Status<> start() = 0;
  // No new batches; what lanes hold may still be settled. Wakes lanes that wait in poll.
  virtual void drain() = 0;
  // After the lanes have stopped: commits what is settled, leaves the group, joins the control thread.
  virtual void close() = 0;
  [[nodiscard]] virtual ConsumerState state() const = 0;  // any thread
  [[nodiscard]] virtual std::vector<PartitionProgress> progress() const { return {}; }  // any thread
};

}  // namespace hostler::runtime
