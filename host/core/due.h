// When a record of a retry topic may run. Pure; the caller brings both clocks.
#pragma once

#include <algorithm>
#include <chrono>

#include "core/types.h"

namespace hostler::core {

// A moment by both clocks: the wall's, which records are stamped with, and the steady one.
struct Now {
  Timestamp wall{};
  SteadyTime steady{};
};

// How long a record of a retry topic must still wait; zero or less: it is due.
// It is due one delay after its timestamp, which its publisher or broker wrote, and at the latest one delay after it was
// fetched: a stamp from a clock that runs ahead cannot hold it longer. Without a timestamp (negative) the fetch alone counts.
[[nodiscard]] inline Millis until_due(Timestamp stamped, Millis delay, SteadyTime fetched, const Now& now) {
  const Millis by_fetch = std::chrono::ceil<Millis>(fetched + delay - now.steady);
  if (stamped.time_since_epoch().count() < 0) return by_fetch;
  return std::min(stamped + delay - now.wall, by_fetch);
}

}  // namespace hostler::core
