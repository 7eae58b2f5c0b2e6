// Time that moves only when somebody waits, and a watcher that counts. One thread.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/observer.h"

namespace hostler::testing {

class ManualClock final : public runtime::Clock {
 public:
  core::Millis passed{0};
  std::function<void()> on_wait;  // what happens meanwhile
  [[nodiscard]] core::Timestamp now() const override { return core::from_epoch_ms(1'800'000'000'000) + passed; }
  [[nodiscard]] core::SteadyTime steady() const override { return core::SteadyTime(passed); }
  void wait(core::Millis time) override {
    passed += time;
    if (on_wait) on_wait();
  }
};

class CountingObserver final : public runtime::Observer {
 public:
  std::array<std::uint64_t, core::outcome_count> counts{};
  std::vector<std::string> reasons;  // of records that were not simply done
  std::vector<std::string> pauses;   // reasons; empty text: goes on
  void batch_settled(std::string_view, const core::TopicPartition&, int, const runtime::SettledCounts& c, core::Millis) override {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += c.by_outcome[i];
  }
  void record_noted(const runtime::RecordNote& note) override { reasons.emplace_back(note.reason); }
  void intake(std::string_view, std::string_view why) override { pauses.emplace_back(why); }
  [[nodiscard]] std::uint64_t operator[](core::Outcome outcome) const { return counts[static_cast<std::size_t>(outcome)]; }
};

}  // namespace hostler::testing
