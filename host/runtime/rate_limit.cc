#include "runtime/rate_limit.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace hostler::runtime {

RateLimit::RateLimit(std::uint32_t per_second, core::SteadyTime now)
    : per_second_(per_second), capacity_(std::max(1.0, per_second_ / 10)), tokens_(capacity_), filled_(now) {}

void RateLimit::fill(core::SteadyTime now) {
  if (now <= filled_) return;
  tokens_ = std::min(capacity_, tokens_ + per_second_ * std::chrono::duration<double>(now - filled_).count());
  filled_ = now;
}

std::size_t RateLimit::available(core::SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  fill(now);
  return tokens_ < 1 ? 0 : static_cast<std::size_t>(tokens_);
}

void RateLimit::take(std::size_t records, core::SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  fill(now);
  tokens_ -= static_cast<double>(records);
}

core::Millis RateLimit::next_token(core::SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  fill(now);
  if (tokens_ >= 1) return core::Millis(0);
  return core::Millis(static_cast<std::int64_t>(std::ceil((1 - tokens_) / per_second_ * 1000)));
}

}  // namespace hostler::runtime
