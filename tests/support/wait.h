// Waiting on conditions. Tests never sleep for a fixed time and hope. Safe from any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>

namespace hostler::testing {

using namespace std::chrono_literals;

// Calls `condition` until it returns true, at growing intervals of 1 to 50 ms; false when `patience` has passed first.
// The condition is always tried once more at the end. Use as REQUIRE(eventually(10s, [&] { return … ; })).
template <class Condition>
[[nodiscard]] bool eventually(std::chrono::milliseconds patience, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (auto pause = 1ms; std::chrono::steady_clock::now() < deadline; pause = std::min(pause * 2, 50ms)) {
    if (condition()) return true;
    std::this_thread::sleep_for(pause);
  }
  return condition();
}

// True when `condition` holds during all of `period`: for what must not happen.
template <class Condition>
[[nodiscard]] bool stays(std::chrono::milliseconds period, Condition condition) {
  return !eventually(period, [&] { return !condition(); });
}

} // namespace hostler::testing
