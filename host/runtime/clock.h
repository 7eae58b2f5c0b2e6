// Time as an argument: the pipeline asks a Clock, tests turn a manual one.
#pragma once

#include <thread>

#include "core/types.h"

namespace hostler::runtime {

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual core::Timestamp now() const = 0;       // wall clock, for due times and stamps
  [[nodiscard]] virtual core::SteadyTime steady() const = 0;   // for waiting and measuring
  virtual void wait(core::Millis time) = 0;                    // blocks the calling thread
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] core::Timestamp now() const override { return std::chrono::floor<core::Millis>(std::chrono::system_clock::now()); }
  [[nodiscard]] core::SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
  void wait(core::Millis time) override { std::this_thread::sleep_for(time); }
};

}  // namespace hostler::runtime
