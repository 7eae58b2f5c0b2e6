// Whether the partition that lies there now is the one that the ledger's mark was written for, and whether its offsets are still the
// host's own. Asked before a partition is taken over, and by `hostler offsets`. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/record.h"
#include "core/types.h"

namespace hostler::core {

// What a record is told by again.
struct Fingerprint {
  Offset offset;
  Timestamp timestamp{};
  std::uint64_t hash = 0;  // of key and value
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

// All that the ledger knows of a partition.
struct MarkMemory {
  Mark mark;
  std::optional<Offset> acked;       // the last commit that Kafka is known to have acknowledged; never beyond mark.next
  std::string cluster_id;            // empty: not known
  std::optional<Fingerprint> last;   // the last settled record
};

// What Kafka says of it now.
struct PartitionNow {
  std::string cluster_id;
  std::optional<Offset> committed;   // by the group; empty: nothing, or it expired
  Offset low, high;                  // the first offset there is, and the next to be written
  std::optional<Fingerprint> last;   // of the record at the offset of the memory's last; empty: none lies there (any more)
};

// Why a partition is not read until somebody decides.
struct Refusal {
  enum class Kind : std::uint8_t {
    another_cluster,
    recreated,  // another record lies where the last settled one was, or the topic is shorter than what was settled
    gone,       // the next record was deleted before it was handled
    reset,      // the group's committed offset was moved back by hand
    unseen,     // the brokers do not tell at present: asked again
  };
  Kind kind = Kind::recreated;
  std::string what;  // one sentence without the partition's name
  std::string mend;  // which command goes on
  friend bool operator==(const Refusal&, const Refusal&) = default;
};

// "another-cluster", "recreated", "gone", "reset", "unseen".
[[nodiscard]] std::string_view to_text(Refusal::Kind kind);
// "orders/3 is held: …; …".
[[nodiscard]] std::string text_of(const TopicPartition& where, const Refusal& refusal);

// Empty: the mark decides where reading goes on. A last record that is gone (retention, compaction) cannot be compared and is no reason to
// refuse; nor is a mark ahead of the committed offset (a death between COMMIT and commit), or one behind it (an older database).
[[nodiscard]] std::optional<Refusal> refuse(const MarkMemory& memory, const PartitionNow& now);

}  // namespace hostler::core
