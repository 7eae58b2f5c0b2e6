#include "runtime/intake.h"

namespace hostler::runtime {

using core::BreakerState;

Intake::Answer Intake::ask(const void* lane, bool fresh, core::SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (breaker_.state() == BreakerState::closed) return Answer::open;
  if (prober_ == lane) return Answer::probe;
  if (const auto it = found_nothing_.find(lane); it != found_nothing_.end() && now < it->second + others_first) return Answer::wait;
  if (!breaker_.admit(fresh ? now : now - fresh_first)) return Answer::wait;
  prober_ = lane;
  return Answer::probe;
}

bool Intake::leave(const void* lane, bool empty_handed, core::SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (prober_ != lane) return false;
  prober_ = nullptr;
  if (empty_handed) found_nothing_[lane] = now;
  breaker_.abandoned();
  return true;
}

Intake::Change Intake::settled(const void* lane, const core::Breaker::Verdicts& verdicts, bool fresh, core::SteadyTime now) {
  const std::lock_guard lock(mutex_);
  const BreakerState before = breaker_.state();
  if (before == BreakerState::half_open && prober_ != lane) return Change::none;  // a batch from before: it tells nothing about now
  breaker_.settled(verdicts, fresh, now);
  const BreakerState after = breaker_.state();
  if (after != BreakerState::half_open) prober_ = nullptr;
  if (after == BreakerState::closed) found_nothing_.clear();
  if (before != BreakerState::closed && after == BreakerState::closed) return Change::flows;
  return before == BreakerState::closed && after == BreakerState::open ? Change::stopped : Change::none;
}

Intake::Change Intake::outage(const void* lane, core::Breaker::Cause cause, std::string why, core::SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (breaker_.state() == BreakerState::half_open && prober_ != lane) return Change::none;
  const bool news = breaker_.state() == BreakerState::closed || breaker_.because() != why;
  prober_ = nullptr;
  breaker_.outage(cause, std::move(why), now);
  return news ? Change::stopped : Change::none;
}

std::string Intake::because() const {
  const std::lock_guard lock(mutex_);
  return breaker_.because();
}

core::BreakerHealth Intake::health() const {
  const std::lock_guard lock(mutex_);
  return {breaker_.state(), breaker_.because(), breaker_.opened()};
}

}  // namespace hostler::runtime
