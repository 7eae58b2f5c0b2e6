// What a lane last did, so that somebody else can tell a working lane from a stuck one. Written by the lane, read by the health report.
// Thread-safety: any thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/health.h"
#include "core/types.h"

namespace hostler::runtime {

class LaneProgress {
 public:
  // The lane did something: looked for records, waited a step, settled a batch.
  void turned() { turned_ = ticks(); }
  // Where the lane is when it is not in code of its own; one at a time.
  enum class Place : std::uint8_t { handler, brokers, ledger };
  // The lane is in `place` for as long as this lives. `progress` may be null.
  class Visit {
   public:
    Visit(LaneProgress* progress, Place place) : progress_(progress), place_(static_cast<std::size_t>(place)) {
      if (progress_ == nullptr) return;
      progress_->since_[place_] = ticks();
      if (place == Place::handler) handling_ = progress_;
    }
    ~Visit() {
      if (progress_ == nullptr) return;
      if (handling_ == progress_) handling_ = nullptr;
      progress_->since_[place_] = 0;
      progress_->turned();
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    LaneProgress* progress_;
    std::size_t place_;
  };
  // The handler of the calling thread's lane has called the host, which asks the ledger for it: not the handler's own time.
  class Detour {
   public:
    Detour() : progress_(handling_) { leave(); }
    ~Detour() { back(); }
    Detour(const Detour&) = delete;
    Detour& operator=(const Detour&) = delete;
    // For as long as the host in turn calls the handler.
    void back() {
      if (progress_ == nullptr) return;
      progress_->since_[static_cast<std::size_t>(Place::handler)] += ticks() - left_;
      progress_->since_[static_cast<std::size_t>(Place::ledger)] = 0;
    }
    void leave() {
      if (progress_ == nullptr) return;
      left_ = ticks();
      progress_->since_[static_cast<std::size_t>(Place::ledger)] = left_;
    }

   private:
    LaneProgress* const progress_;
    std::int64_t left_ = 0;
  };
  // The lane waits for the end of an outage; empty: no more.
  void paused(std::string_view because) {
    const std::lock_guard lock(mutex_);
    paused_because_ = because;
  }
  // The lane's thread is over although it should go on.
  void ended() { ended_ = true; }

  // For how long the handler's own code has been running; empty: it is not.
  [[nodiscard]] std::optional<core::Millis> handling() const { return in(Place::ledger, 0) ? std::nullopt : in(Place::handler, ticks()); }

  [[nodiscard]] core::LaneHealth health(std::uint32_t index) const {
    const std::int64_t now = ticks();
    core::LaneHealth out;
    out.index = index;
    out.ended = ended_;
    out.quiet = since(turned_, now);
    out.handling = handling();
    out.publishing = in(Place::brokers, now);
    out.settling = in(Place::ledger, now);
    const std::lock_guard lock(mutex_);
    out.paused_because = paused_because_;
    return out;
  }

 private:
  [[nodiscard]] std::optional<core::Millis> in(Place place, std::int64_t now) const {
    const std::int64_t then = since_[static_cast<std::size_t>(place)];
    return then == 0 ? std::nullopt : std::optional(since(then, now));
  }
  static std::int64_t ticks() { return std::chrono::steady_clock::now().time_since_epoch().count(); }
  static core::Millis since(std::int64_t then, std::int64_t now) {
    return std::chrono::duration_cast<core::Millis>(std::chrono::steady_clock::duration(now > then ? now - then : 0));
  }
  inline static thread_local LaneProgress* handling_ = nullptr;  // of the thread that is in its handler
  std::atomic<std::int64_t> turned_{ticks()};
  std::array<std::atomic<std::int64_t>, 3> since_{};  // by Place; 0: it is not there
  std::atomic<bool> ended_{false};
  mutable std::mutex mutex_;
  std::string paused_because_;             // guarded by mutex_
};

}  // namespace hostler::runtime
