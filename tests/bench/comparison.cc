#include "bench/comparison.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include "bench/fsync_probe.h"
#include "support/env.h"

namespace hostler::bench {
namespace {

void print_heading(const Plan& plan) {
  fmt::print("  {:>4} {:>5} {:>12} {:>12} {:>7} {:>13} {:>13} {:>8} {:>8} {:>10} {:>10}{}\n", "pair", "first",
             "twin rec/s", "host rec/s", "ratio", "twin CPU-s/M", "host CPU-s/M", "twin MB", "host MB",
             "twin batch", "host batch", plan.probe_disk ? "  fsync us" : "");
}

void print_pair(std::size_t number, const Pair& pair) {
  fmt::print(
      "  {:>4} {:>5} {:>12.0f} {:>12.0f} {:>7.3f} {:>13.3f} {:>13.3f} {:>8.0f} {:>8.0f} {:>10.0f} {:>10.0f}",
      number, pair.host_first ? "host" : "twin", pair.twin.rate(), pair.host.rate(), pair.ratio(),
      pair.twin.cpu_per_million(), pair.host.cpu_per_million(), pair.twin.peak_mb, pair.host.peak_mb,
      pair.twin.batch, pair.host.batch);
  if (pair.fsync_high > 0) fmt::print("  {:.0f}-{:.0f}", pair.fsync_low, pair.fsync_high);
  if (pair.discarded()) fmt::print("  discarded: the disk changed its pace");
  if (std::min(pair.twin.seconds, pair.host.seconds) < 1) fmt::print("  under a second: too few records");
  fmt::print("\n");
  std::fflush(stdout);
}

class DiskProbe {
 public:
  explicit DiskProbe(bool wanted) : wanted_(wanted) {}
  void look(Pair& pair) const {
    if (!wanted_) return;
    const double now = fsync_microseconds(testing::scratch_dir());
    pair.fsync_low = pair.fsync_low > 0 ? std::min(pair.fsync_low, now) : now;
    pair.fsync_high = std::max(pair.fsync_high, now);
  }

 private:
  bool wanted_;
};

Pair run_pair(bool host_first, const DiskProbe& probe, const Side& twin, const Side& host) {
  Pair pair;
  pair.host_first = host_first;
  probe.look(pair);
  (host_first ? pair.host : pair.twin) = (host_first ? host : twin)();
  probe.look(pair);
  (host_first ? pair.twin : pair.host) = (host_first ? twin : host)();
  probe.look(pair);
  return pair;
}

} // namespace

Comparison compare(const std::string& name, double aim, const Plan& plan, const Side& twin,
                   const Side& host) {
  (void)host(); // warm up: pages, topics, plans
  (void)twin();
  const DiskProbe probe(plan.probe_disk);
  std::mt19937_64 random(plan.seed);
  Comparison result;
  result.name = name;
  result.aim = aim;
  std::vector<double> ratios;
  print_heading(plan);
  while (ratios.size() < plan.pairs && result.pairs.size() < 2 * plan.pairs) {
    const auto& pair = result.pairs.emplace_back(run_pair(random() % 2 == 0, probe, twin, host));
    print_pair(result.pairs.size(), pair);
    if (!pair.discarded()) ratios.push_back(pair.ratio());
  }
  result.counted = ratios.size();
  if (ratios.empty()) return result;
  result.ratio = median(ratios);
  result.interval = bootstrap_interval(ratios, plan.seed);
  return result;
}

} // namespace hostler::bench
