// What a run of one side needs around it: a fresh group and, for effects, a fresh schema; afterwards the proof that it
// did its work. Thread-safety: one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bench/drain.h"
#include "support/postgres.h"
#include "support/temp_dir.h"

namespace hostler::bench {

struct Scenario {
  std::string brokers;
  std::string database; // empty: none
  std::string topic;    // preloaded
  std::uint64_t records = 0;
  std::string handler; // the part of [[handler]] that says what runs
  bool ids = true;     // with a database: each record leaves an id
};

[[nodiscard]] Scenario consume_scenario(const std::string& topic, std::uint64_t records);
[[nodiscard]] Scenario effects_scenario(const std::string& topic, std::uint64_t records);

// As effects, with the mark alone: idempotency = "offset".
[[nodiscard]] Scenario marks_scenario(const std::string& topic, std::uint64_t records);

// Each record is published to `output`; `effects` as in [[handler]].
[[nodiscard]] Scenario forward_scenario(const std::string& topic, const std::string& output, std::uint64_t records,
                                        const std::string& effects, std::size_t lanes);

// Runs `side` of the scenario in a child process, of this program or of `program`, the hostler_bench of another build. Throws when it fails, when an offset is left uncommitted, or when the
// effects are not one for each record.
[[nodiscard]] Measured run_side(const Scenario& scenario, const std::string& side, const std::string& program = "");

// A configuration for `hostler run` in a fresh group, with its tables where the scenario has a database. They go with the object.
struct PreparedHost {
  std::unique_ptr<testing::PostgresSchema> schema;
  std::string config;
};
[[nodiscard]] PreparedHost prepare_host(const Scenario& scenario, const testing::TempDir& folder);

// p50 and p99 in milliseconds, as the child measured them. The scenario's topic is empty.
struct Latency {
  double p50 = 0, p99 = 0;
};
[[nodiscard]] Latency run_latency_side(const Scenario& scenario, std::uint64_t rate);

} // namespace hostler::bench
