// What may be said of paired measurements on a noisy machine. Pure.
#pragma once

#include <cstdint>
#include <vector>

namespace hostler::bench {

// Of at least one value; the values need no order.
[[nodiscard]] double median(std::vector<double> values);
// The value below which `share` (0 to 1) of the values lie.
[[nodiscard]] double quantile(std::vector<double> values, double share);

struct Interval {
  double low = 0, high = 0;
};
// 95 % of the median, by resampling.
[[nodiscard]] Interval bootstrap_interval(const std::vector<double>& values, std::uint64_t seed);

} // namespace hostler::bench
