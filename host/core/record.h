// One record on its way through the host, and the batch it travels in. A record is a view: its bytes belong to
// the batch's storage. The source fills the delivery part, the decoder the rest (event id, and for retry copies
// the origin). Thread-safety: a batch belongs to one lane thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/arena.h"
#include "core/types.h"

namespace hostler::core {

// Why a record ends in the dead-letter topic; the text is the header `hostler-reason`.
enum class DeadReason : std::uint8_t { none, retries_exhausted, rejected, invalid, crashed, hung, expired, undecodable };
[[nodiscard]] std::string_view to_text(DeadReason reason);

struct Record {
  Bytes key, value;
  std::string_view topic;             // origin topic; never a retry topic
  Offset offset;                      // origin offset
  Timestamp timestamp{};              // origin timestamp
  Timestamp first_seen{};             // when a host first handled this record
  Partition partition;                // origin partition
  TimestampType timestamp_type = TimestampType::none;
  std::int32_t leader_epoch = -1;     // -1 unknown
  Attempt attempt;                    // 1 on first delivery
  std::string_view event_id;          // empty if none is configured
  std::string_view event_type;        // empty if not configured
  // -- not shown to handlers --
  Offset delivered_offset;            // where it was read; equals `offset` on a source topic
  Timestamp delivered_timestamp{};    // timestamp of the delivered record; due times count from it
  std::int32_t topic_id = 0;          // the ledger's generation of the origin topic
  Step step;                          // 0 on a source topic, else what the copy's header says
  bool replay = false;                // copy published by a replay
  bool filtered = false;              // not for this handler: a copy of another group, an event type it does not take
  bool misrouted = false;             // copy of this group but of another handler: holds the partition
  std::uint32_t crashes = 0;          // how often a host died while it handled this record, as far as is known here; 0: no suspect
  DeadReason invalid = DeadReason::none;  // not none: never handled, dead-lettered with invalid_text
  std::string_view invalid_text;
};

// Keeps a batch's bytes alive and reads headers lazily (reading two headers costs a third of the fetch rate).
class BatchStorage {
 public:
  virtual ~BatchStorage() = default;
  // Headers of record `index` in their order, repeats included; valid until the storage is gone.
  virtual std::vector<HeaderView> headers(std::size_t index) = 0;
};

// The fence of one partition as its owner knows it (see protocol: hostler_mark). Touched by the lane thread only.
struct Mark {
  Offset next;               // the ledger's next_offset; what the next fence compares with
  std::int64_t epoch = 0;    // bumped at every take-over
  std::int32_t topic_id = 0; // the ledger's generation of the topic
};

// Records of one delivery partition, in offset order, of one assignment.
struct Batch {
  TopicPartition where;                     // where it was read: a source or a retry topic
  std::uint64_t assignment = 0;             // which assignment of that partition; late results of an ended one are dropped
  std::optional<std::uint32_t> tier;        // index of the retry tier it was read from; empty on a source topic
  Mark* mark = nullptr;                     // owned by the source; null on retry topics and without a ledger
  Offset acked;                             // Kafka has committed at least this and will not fall behind it; kept with the next fence. -1: not known
  std::vector<Record> records;
  std::unique_ptr<BatchStorage> storage;
  TextArena texts;                          // what the decoder had to build (origins, ids); lives with the batch

  [[nodiscard]] bool is_retry() const { return tier.has_value(); }
  void clear() {
    records.clear();
    texts.clear();
    storage.reset();
    mark = nullptr;
    acked = {};
    tier.reset();
  }
};

}  // namespace hostler::core
