// What a lane last did, so that somebody else can tell a working lane from a stuck one. Written by the lane, read by the health report.
// Thread-safety: any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "core/health.h"
#include "core/types.h"

namespace hostler::runtime {

class LaneProgress {
 public:
  // The lane did something: looked for records, waited a step, settled a batch.
  void turned() { turned_ = ticks(); }
  // The handler's code runs from now on, until left_handler().
  void entered_handler() { handling_ = ticks(); }
  void left_handler() {
    handling_ = 0;
    turned();
  }
  // The lane waits for the brokers to take copies and outputs, until left_publish().
  void entered_publish() { publishing_ = ticks(); }
  void left_publish() {
    publishing_ = 0;
    turned();
  }
  // The lane waits for its database, until left_ledger().
  void entered_ledger() { settling_ = ticks(); }
  void left_ledger() {
    settling_ = 0;
    turned();
  }
  // The lane waits for the end of an outage; empty: no more.
  void paused(std::string_view because) {
    const std::lock_guard lock(mutex_);
    paused_because_ = because;
  }
  // The lane's thread is over although it should go on.
  void ended() { ended_ = true; }

  [[nodiscard]] core::LaneHealth health(std::uint32_t index) const {
    const std::int64_t now = ticks(), handling = handling_, publishing = publishing_, settling = settling_;
    core::LaneHealth out;
    out.index = index;
    out.ended = ended_;
    out.quiet = since(turned_, now);
    if (handling != 0) out.handling = since(handling, now);
    if (publishing != 0) out.publishing = since(publishing, now);
    if (settling != 0) out.settling = since(settling, now);
    const std::lock_guard lock(mutex_);
    out.paused_because = paused_because_;
    return out;
  }

 private:
  static std::int64_t ticks() { return std::chrono::steady_clock::now().time_since_epoch().count(); }
  static core::Millis since(std::int64_t then, std::int64_t now) {
    return std::chrono::duration_cast<core::Millis>(std::chrono::steady_clock::duration(now > then ? now - then : 0));
  }
  std::atomic<std::int64_t> turned_{ticks()};
  std::atomic<std::int64_t> handling_{0};  // 0: not in the handler's code
  std::atomic<std::int64_t> publishing_{0}, settling_{0};
  std::atomic<bool> ended_{false};
  mutable std::mutex mutex_;
  std::string paused_because_;             // guarded by mutex_
};

}  // namespace hostler::runtime
