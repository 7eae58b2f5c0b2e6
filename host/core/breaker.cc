#include "core/breaker.h"

#include <algorithm>
#include <utility>

namespace hostler::core {
namespace {

// A try in an outage costs nothing but itself. A record that probes after failures may go to a retry topic, where it waits with the others.
constexpr Millis outage_first{50}, failures_first{500}, longest{5'000};

}  // namespace

std::string_view to_text(BreakerState state) {
  constexpr std::array<std::string_view, breaker_state_count> names = {"closed", "open", "half-open"};
  return names[static_cast<std::size_t>(state)];
}

void Breaker::settled(const Verdicts& verdicts, bool fresh, SteadyTime now) {
  if (state_ == BreakerState::half_open) {
    if (verdicts.done + verdicts.rejected > 0) {
      close();
    } else if (verdicts.failed > 0) {
      open(cause_, because_, failures_first, now);
    } else if (cause_ == Cause::database) {
      close();
    }
    return;
  }
  if (state_ == BreakerState::open || !fresh) return;
  const auto width = std::max<SteadyTime::duration>(policy_.window / slots, Millis(1));
  const std::int64_t number = now.time_since_epoch() / width;
  Slot& slot = window_[static_cast<std::size_t>(number % static_cast<std::int64_t>(slots))];
  if (slot.number != number) slot = {number, 0, 0};
  slot.done += verdicts.done;
  slot.failed += verdicts.failed;
  if (verdicts.failed == 0) return;
  std::uint64_t total = 0, failed = 0;
  for (const Slot& s : window_) {
    if (s.number <= number - static_cast<std::int64_t>(slots)) continue;
    total += s.done + s.failed;
    failed += s.failed;
  }
  if (total < policy_.min_records || static_cast<double>(failed) < policy_.failure_rate * static_cast<double>(total)) return;
  open(Cause::failures, std::to_string(failed) + " of the last " + std::to_string(total) + " records failed", failures_first, now);
}

void Breaker::outage(Cause cause, std::string why, SteadyTime now) { open(cause, std::move(why), outage_first, now); }

bool Breaker::admit(SteadyTime now) {
  if (state_ == BreakerState::closed) return true;
  if (state_ == BreakerState::half_open || now < next_probe_) return false;
  state_ = BreakerState::half_open;
  return true;
}

void Breaker::abandoned() {
  if (state_ == BreakerState::half_open) state_ = BreakerState::open;
}

// A second report while open (another lane in the same outage) does not lengthen the pause: nobody probed.
void Breaker::open(Cause cause, std::string why, Millis first, SteadyTime now) {
  const bool news = state_ != BreakerState::open;
  if (state_ == BreakerState::closed) ++opened_;
  state_ = BreakerState::open;
  cause_ = cause;
  because_ = std::move(why);
  if (!news) return;
  pause_ = std::clamp(pause_ * 2, first, longest);
  next_probe_ = now + pause_;
}

void Breaker::close() {
  state_ = BreakerState::closed;
  because_.clear();
  window_ = {};
  pause_ = Millis(0);
}

}  // namespace hostler::core
