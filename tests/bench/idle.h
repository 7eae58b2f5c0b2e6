// What a host costs that has nothing to do, and how long it takes to be ready. Thread-safety: one thread.
#pragma once

#include <cstddef>
#include <string>

namespace hostler::bench {

struct Idle {
  double resident_mb = 0;    // after ten seconds
  double cpu_percent = 0;    // of one core, over twenty seconds
  double ready_ms = 0;       // median, from the start of the process to ready
  double join_ms = 0;        // median, from the making of a bare client to its first assignment
};

// `hostler run` with one handler on an empty topic, PostgreSQL as its ledger, its HTTP port open; in turns with a bare client.
[[nodiscard]] Idle run_idle(const std::string& topic, std::size_t pairs);

}  // namespace hostler::bench
