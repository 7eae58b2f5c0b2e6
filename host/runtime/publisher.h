// Producing retry copies, dead letters and handlers' outputs. kafka/ implements it with an idempotent producer (acks=all);
// fakes cork it and fail it. Thread-safety: any thread, concurrently.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/headers.h"
#include "core/types.h"

namespace hostler::runtime {

using OutHeader = core::OwnedHeader;

// One record to produce. Key and value are borrowed until publish returns.
struct OutRecord {
  std::string topic;
  std::optional<core::Partition> partition;  // empty, or more than the topic has: by key
  core::Bytes key, value;
  std::vector<OutHeader> headers;
  std::int64_t timestamp_ms = 0;             // 0: now
  bool await = true;                         // false: fire and forget
};

struct PublishFailure {
  enum class Kind : std::uint8_t {
    too_large,      // will never fit this topic
    topic_missing,  // topic or partition does not exist
    unavailable,    // timed out, broker down, queue full: may work later
    refused,        // authorization, invalid record, fatal producer error
  };
  std::size_t index = 0;  // into the records given
  Kind kind = Kind::unavailable;
  std::string message;    // with topic and broker's words
};

class Publisher {
 public:
  virtual ~Publisher() = default;
  // Produces all and waits for every delivery report (bounded by the delivery time-out). Empty: all delivered.
  // A failure leaves it open whether the record arrived later.
  [[nodiscard]] virtual std::vector<PublishFailure> publish(std::span<const OutRecord> records) = 0;
};

}  // namespace hostler::runtime
