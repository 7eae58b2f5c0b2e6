// Two sides run in pairs, at random A B or B A, and what may be said of their ratio. Thread-safety: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/drain.h"
#include "bench/statistics.h"

namespace hostler::bench {

struct Plan {
  std::size_t pairs = 11;
  std::uint64_t seed = 0;
  bool probe_disk = false; // discard pairs during which the disk's fsync time moved by more than half
};

struct Pair {
  Measured twin, host;
  bool host_first = false;
  double fsync_low = 0, fsync_high = 0; // µs, of the probes before, between and after; 0: not probed

  [[nodiscard]] double ratio() const { return host.rate() / twin.rate(); }
  [[nodiscard]] bool discarded() const { return fsync_high > 1.5 * fsync_low; }
};

struct Comparison {
  std::string name;
  double aim = 0;
  std::vector<Pair> pairs;
  Interval interval;
  double ratio = 0;        // median
  std::size_t counted = 0; // pairs; with 0 there is neither ratio nor interval
};

using Side = std::function<Measured()>;
// Prints each pair as it comes. Discarded pairs are made up for, up to twice the plan.
[[nodiscard]] Comparison compare(const std::string& name, double aim, const Plan& plan, const Side& twin,
                                 const Side& host);

} // namespace hostler::bench
