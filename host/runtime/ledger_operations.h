// What is done with a ledger outside of the records' way: looking at marks, moving them by an operator's word, finding records whose copy is
// lost. Each call is a transaction of its own. store/ implements it for both databases; the contract suite runs on it and on the fake.
// Thread-safety: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/identity.h"
#include "core/types.h"
#include "runtime/ledger.h"

namespace hostler::runtime {

struct KnownMark {
  core::TopicPartition where;
  core::MarkMemory memory;
};

// What Kafka acknowledged of a partition that `mark` owns.
struct Acknowledged {
  core::TopicPartition where;
  core::Mark mark;
  core::Offset acked;
};

struct Rewind {
  enum class Rows : std::uint8_t { keep, erase };  // idempotency = "offset": delegated records from the target on are handled anew
  enum class Ids : std::uint8_t { keep, forget };  // forget: settled ids of records from the target on are handled anew
  core::TopicPartition where;
  core::Offset to;
  Rows rows = Rows::keep;
  Ids ids = Ids::keep;
};

// What lies from a rewind's target on.
struct RewindFacts {
  std::optional<core::Offset> mark;  // where it stands (before); empty: there is none
  std::uint64_t delegated = 0;       // records on their way through retries, and dead letters
  std::uint64_t ids = 0, done_ids = 0;  // remembered event ids, and those of them that are settled
};

// Starts a new generation of a topic.
struct Adoption {
  struct Start {
    core::Partition partition;
    core::Offset next;
  };
  std::string topic;
  std::string cluster_id;
  std::vector<Start> starts;  // every partition of the topic
};

// A record that waits for a copy although its time has passed.
struct StuckRecord {
  std::string topic;
  std::int32_t topic_id = 0;
  core::Partition partition;
  core::Offset offset;
  Delegated row;
  std::optional<std::string> key_hash;  // 16 bytes; empty: no key
};

class LedgerOperations {
 public:
  virtual ~LedgerOperations() = default;

  // The service's marks, of each topic's latest generation, sorted. Locks nothing.
  virtual LedgerResult<std::vector<KnownMark>> marks(std::string_view service) = 0;
  // Keeps what Kafka acknowledged where the mark has still this owner. Never lowers, never goes beyond the mark.
  virtual LedgerStatus acknowledge(std::string_view service, std::span<const Acknowledged> partitions) = 0;

  virtual LedgerResult<RewindFacts> look(std::string_view service, const Rewind& rewind) = 0;
  // Moves the mark (made where there is none) forward or back, and bumps its epoch, so that a running owner reads on from there. What Kafka
  // acknowledged is forgotten: the group's offset follows. Waits for the batch in flight. The facts are of what was found and done.
  virtual LedgerResult<RewindFacts> rewind(std::string_view service, const Rewind& rewind) = 0;
  // Marks of the next generation; the old ones stay, with their epoch bumped. Returns the generation.
  virtual LedgerResult<std::int32_t> adopt(std::string_view service, const Adoption& adoption) = 0;

  // Retry rows that were due before `due_before`, the longest overdue first.
  virtual LedgerResult<std::vector<StuckRecord>> stuck(std::string_view service, core::Timestamp due_before, std::size_t at_most) = 0;
  virtual LedgerResult<std::uint64_t> count_stuck(std::string_view service, core::Timestamp due_before) = 0;
  // A copy of this step was published again: it is due then. Nothing if the record has moved on.
  virtual LedgerStatus postpone(std::string_view service, const OriginKey& origin, core::Step step, core::Timestamp due) = 0;
};

}  // namespace hostler::runtime
