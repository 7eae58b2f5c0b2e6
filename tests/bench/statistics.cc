#include "bench/statistics.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

namespace hostler::bench {

double quantile(std::vector<double> values, double share) {
  if (values.empty()) throw std::invalid_argument("a quantile of nothing");
  std::sort(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const auto above = std::min(below + 1, values.size() - 1);
  return std::lerp(values[below], values[above], at - std::floor(at));
}

double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

Interval bootstrap_interval(const std::vector<double>& values, std::uint64_t seed) {
  constexpr int resamples = 10'000;
  std::mt19937_64 random(seed);
  std::uniform_int_distribution<std::size_t> any(0, values.size() - 1);
  std::vector<double> medians, sample(values.size());
  for (int i = 0; i < resamples; ++i) {
    for (auto& value : sample) value = values[any(random)];
    medians.push_back(median(sample));
  }
  return {quantile(medians, 0.025), quantile(medians, 0.975)};
}

} // namespace hostler::bench
