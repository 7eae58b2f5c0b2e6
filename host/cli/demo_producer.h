// Produces the demo's traffic to the mock cluster at a rate, and remembers it for the reference. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "cli/commands.h"
#include "cli/demo_reference.h"
#include "cli/demo_traffic.h"
#include "core/result.h"
#include "runtime/publisher.h"

namespace hostler::cli {

// The mock cluster silently forgets what is beyond 5 MB of a partition: producing ends when one holds so much.
inline constexpr std::uint64_t most_partition_bytes = 3'500'000;

class DemoProducer {
 public:
  // Publisher and reference must outlive it.
  DemoProducer(const DemoOptions& options, runtime::Publisher& publisher, Reference& reference);

  // Produces what is due `elapsed` after the start; returns when the cluster has it.
  core::Status<> produce_until(core::Millis elapsed, core::Timestamp now);

  [[nodiscard]] bool full() const { return full_; } // nothing more is produced
  [[nodiscard]] std::uint64_t produced() const { return produced_; }
  // Records in the topics that a service reads.
  [[nodiscard]] std::uint64_t produced_for(const std::string& service) const;

 private:
  TrafficRecord next(core::Timestamp now);

  const std::uint32_t rate_;
  runtime::Publisher& publisher_;
  Reference& reference_;
  Traffic traffic_;
  std::map<std::string, std::uint64_t> by_topic_, bytes_; // bytes_: by partition
  std::uint64_t produced_ = 0;
  bool full_ = false;
};

} // namespace hostler::cli
