#include "bench/journal.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <vector>

#include "runtime/crash_journal.h"
#include "runtime/handling_gate.h"
#include "support/temp_dir.h"

namespace hostler::bench {
namespace {

// The best of a few rounds: what the machine's other work costs is not the journal's.
template <class Call>
double best_ns(int calls, Call call) {
  double best = 1e9;
  for (int round = 0; round < 7; ++round) {
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) call();
    best = std::min(best, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - began).count() / calls);
  }
  return best;
}

}  // namespace

JournalCost measure_journal() {
  const testing::TempDir folder;
  auto journal = runtime::CrashJournal::open(folder.path());
  if (!journal) throw std::runtime_error(journal.error().message);
  if (auto begun = (*journal)->begin(); !begun) throw std::runtime_error(begun.error().message);
  const runtime::LaneProgress progress;
  auto lane = (*journal)->add_lane("bench", 0, core::Millis(30'000), progress);
  if (!lane) throw std::runtime_error(lane.error().message);
  const core::TopicPartition where{"user-events", {3}};
  const std::vector<runtime::OffsetRun> whole{{{1000}, {1499}}};
  std::vector<runtime::OffsetRun> gaps;
  for (std::int64_t i = 0; i < 250; ++i) gaps.push_back({{2 * i}, {2 * i}});
  const auto call = [&](const std::vector<runtime::OffsetRun>& runs, std::size_t count) {
    (*lane)->enter(where, 1, runs, count);
    (*lane)->leave();
  };
  JournalCost cost;
  cost.contiguous_ns = best_ns(1'000'000, [&] { call(whole, 500); });
  cost.gaps_ns = best_ns(50'000, [&] { call(gaps, 250); });
  runtime::HandlingGate gate;
  const std::function<bool()> on = [] { return true; };
  cost.gate_ns = best_ns(1'000'000, [&] { const runtime::HandlingGate::Turn turn(&gate, runtime::HandlingGate::Company::welcome, on); });
  return cost;
}

}  // namespace hostler::bench
