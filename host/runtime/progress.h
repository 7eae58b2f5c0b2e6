// What a lane last did, so that somebody else can tell a working lane from a stuck one. Written by the lane, read by the health report.
// Thread-safety: any thread, but for Visit.
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
  // The lane is in `place` for as long as this lives. `progress` may be null. Visits nest (a handler asks the database, which hands it a row): while
  // an inner one lives, the lane is not in the outer's place, and that time is not counted there. The lane's thread.
  class Visit {
   public:
    Visit(LaneProgress* progress, Place place) : progress_(progress) {
      if (progress_ != nullptr) outer_ = progress_->enter(static_cast<std::size_t>(place));
    }
    ~Visit() {
      if (progress_ != nullptr) progress_->leave_for(outer_);
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    LaneProgress* progress_;
    std::size_t outer_ = nowhere;
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

  static constexpr std::size_t places = 3, nowhere = places;
  std::size_t enter(std::size_t place) {
    const std::int64_t now = ticks();
    const std::size_t outer = place_;
    if (outer != nowhere) used_[outer] = now - since_[outer].exchange(0);
    ++visits_[place];
    since_[place] = now - used_[place];
    place_ = place;
    return outer;
  }
  void leave_for(std::size_t outer) {
    const std::int64_t now = ticks(), used = now - since_[place_].exchange(0);
    used_[place_] = --visits_[place_] > 0 ? used : 0;
    place_ = outer;
    if (outer != nowhere) since_[outer] = now - used_[outer];
    turned();
  }

  std::atomic<std::int64_t> turned_{ticks()};
  std::array<std::atomic<std::int64_t>, places> since_{};  // by Place; 0: it is not there
  // The lane's thread only, by Place: visits that live, and what they have had so far while inner ones live elsewhere.
  std::array<int, places> visits_{};
  std::array<std::int64_t, places> used_{};
  std::size_t place_ = nowhere;
  std::atomic<bool> ended_{false};
  mutable std::mutex mutex_;
  std::string paused_because_;             // guarded by mutex_
};

}  // namespace hostler::runtime
