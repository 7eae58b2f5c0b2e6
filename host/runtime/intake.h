// One circuit breaker for all lanes of a handler: before it polls, or tries again what it holds, a lane asks whether it may. While it is
// open retried records wait too, and spend no attempt.
// Thread-safety: any thread. A lane is named by an address that is its own.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "core/breaker.h"
#include "core/health.h"

namespace hostler::runtime {

class Intake {
 public:
  enum class Answer : std::uint8_t { open, probe, wait };

  explicit Intake(core::BreakerPolicy policy) : breaker_(policy) {}

  // open: go on. probe: go on with one record that is there already, or with what the lane holds, and report; leave() ends it in any case.
  // Lanes of retried records (`fresh` false) leave the probe to others for a moment: their records failed before, and poison must not hold
  // the breaker open.
  [[nodiscard]] Answer ask(const void* lane, bool fresh, core::SteadyTime now);
  // Ends the lane's probe if nothing was reported. True if it was one. `empty_handed`: it found no record to probe with, and others look first.
  bool leave(const void* lane, bool empty_handed, core::SteadyTime now);

  // Whether intake stopped or went on by what was reported, so that it is said once.
  enum class Change : std::uint8_t { none, stopped, flows };
  Change settled(const void* lane, const core::Breaker::Verdicts& verdicts, bool fresh, core::SteadyTime now);
  Change outage(const void* lane, core::Breaker::Cause cause, std::string why, core::SteadyTime now);

  [[nodiscard]] std::string because() const;
  [[nodiscard]] core::BreakerHealth health() const;

 private:
  static constexpr core::Millis others_first{20};  // who found nothing to probe with lets other lanes look
  static constexpr core::Millis fresh_first{1'000};

  mutable std::mutex mutex_;
  // guarded by mutex_:
  core::Breaker breaker_;
  const void* prober_ = nullptr;
  std::map<const void*, core::SteadyTime> found_nothing_;  // lanes, and when; empty while closed
};

}  // namespace hostler::runtime
