// What the runtime tells whoever watches: counts per batch, and one note per record that did not simply get done.
// The demo's view, tests and the metrics implement it. Calls come from lane threads, concurrently; they must be quick.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/disposition.h"
#include "core/record.h"
#include "core/types.h"

namespace hostler::runtime {

// Records settled by one batch, by outcome (index: core::Outcome).
struct SettledCounts {
  std::array<std::uint64_t, core::outcome_count> by_outcome{};
  std::uint64_t bytes = 0;  // of their keys and values
};

struct RecordNote {
  std::string_view handler;
  const core::Record* record = nullptr;       // valid during the call
  const core::TopicPartition* delivered = nullptr;
  core::Disposition disposition;
  std::string_view reason;                    // error text, may be empty
};

class Observer {
 public:
  virtual ~Observer() = default;
  // After the commit of a batch. `retry_tier`: -1 for a source topic, else the tier that was read.
  virtual void batch_settled(std::string_view handler, const core::TopicPartition& where, int retry_tier, const SettledCounts& counts,
                             core::Millis took) = 0;
  virtual void record_noted(const RecordNote& note) = 0;
  // Intake of a handler stopped (outage) or goes on; reason empty when it goes on.
  virtual void intake(std::string_view handler, std::string_view paused_because) = 0;
  // The brokers acknowledged copies, letters or outputs of a handler in this topic; `failed` were not acknowledged and will be tried again.
  virtual void published(std::string_view /*handler*/, std::string_view /*topic*/, std::uint64_t /*acknowledged*/, std::uint64_t /*failed*/) {}
  // Rows of a ledger's table that were older than its retention are gone. `ledger`: its name in the configuration, empty for [ledger].
  virtual void expired(std::string_view /*ledger*/, std::string_view /*table*/, std::uint64_t /*rows*/) {}
};

}  // namespace hostler::runtime
