// What runs in a child process, one function per side. Each drains the records of the job, prints its measurement and
// leaves its group with every offset committed. They throw when anything goes wrong. Thread-safety: called once, by main.
#pragma once

#include "bench/job.h"

namespace hostler::bench {

// The host as `hostler run` puts it together, with whatever handler the configuration names.
void run_host_side(const Job& job);
// Bare librdkafka: batches, offsets, a commit every 100 ms, payloads untouched.
void run_consume_twin(const Job& job);
// The loop that a careful team writes by hand: ids, mark and effects in one transaction per batch, pipelined.
void run_effects_twin(const Job& job);
// The host fed at a steady rate: prints "latency p50 p99" in milliseconds, from the intended send time to settled.
void run_latency(const Job& job);

} // namespace hostler::bench
