// A token bucket for the records of one handler, all its lanes together. A lane asks before it polls, so that it waits with
// empty hands: a rebalance or a drain never waits for tokens. Thread-safety: any thread.
#pragma once

#include <cstddef>
#include <mutex>

#include "core/types.h"

namespace hostler::runtime {

class RateLimit {
 public:
  // `per_second` > 0. The bucket holds a tenth of a second's records, at least one, and starts full.
  RateLimit(std::uint32_t per_second, core::SteadyTime now);

  // How many records may be polled now; 0: wait until after next_token().
  [[nodiscard]] std::size_t available(core::SteadyTime now);
  // Pays for polled records. Lanes that asked at the same moment may run into debt together, which is waited off.
  void take(std::size_t records, core::SteadyTime now);
  // When the next record may be polled.
  [[nodiscard]] core::Millis next_token(core::SteadyTime now);

 private:
  void fill(core::SteadyTime now);

  const double per_second_, capacity_;
  std::mutex mutex_;
  double tokens_;           // guarded by mutex_; negative: debt
  core::SteadyTime filled_; // guarded by mutex_
};

}  // namespace hostler::runtime
