// What it costs to say in the crash journal what a handler has in hand. Thread-safety: one thread.
#pragma once

namespace hostler::bench {

struct JournalCost {
  double contiguous_ns = 0;  // of one call: enter and leave, 500 records without a gap
  double gaps_ns = 0;        // … with a gap behind every other one
  double gate_ns = 0;        // through the gate and out again, nobody else there
};

[[nodiscard]] JournalCost measure_journal();

}  // namespace hostler::bench
