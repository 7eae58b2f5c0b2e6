// Tells an outage from poison. Closed: records flow. Open: intake has stopped, because something the records need is down or because too
// many of them failed. Half-open: one probe is under way; what becomes of it closes the breaker or opens it again with a longer pause.
// Pure: time comes from the caller. One thread; runtime/intake.h shares one between lanes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/host_config.h"
#include "core/types.h"

namespace hostler::core {

enum class BreakerState : std::uint8_t { closed, open, half_open };
inline constexpr std::size_t breaker_state_count = 3;
[[nodiscard]] std::string_view to_text(BreakerState state);

class Breaker {
 public:
  // What stopped intake, and so what ends the stop.
  enum class Cause : std::uint8_t { failures, database, handler };
  // What the handler made of records. Rejected ones are the records' own fault: they prove that the handler works, and no more.
  struct Verdicts {
    std::uint64_t done = 0, failed = 0, rejected = 0;
  };

  explicit Breaker(BreakerPolicy policy) : policy_(policy) {}

  // Records were settled, which a database that is down would not have let be: after its outage duplicates tell as much. `fresh`: on their first delivery. Retried ones fail because they are poison far more often than because of an
  // outage: they tell only how a probe went. While the breaker is open these are batches that were under way before: they count for nothing.
  void settled(const Verdicts& verdicts, bool fresh, SteadyTime now);
  // Nothing could be settled, and no record is to blame.
  void outage(Cause cause, std::string why, SteadyTime now);
  // Whether the caller may go on: always while closed; while open, one caller once the pause is over, who has to report settled(),
  // outage() or abandoned().
  [[nodiscard]] bool admit(SteadyTime now);
  // The probe met no record, or nothing that tells; the next one may go at once.
  void abandoned();

  [[nodiscard]] BreakerState state() const { return state_; }
  [[nodiscard]] const std::string& because() const { return because_; }  // empty while closed
  [[nodiscard]] std::uint64_t opened() const { return opened_; }         // how often, from closed

 private:
  static constexpr std::size_t slots = 10;  // the window slides in steps of a tenth
  struct Slot {
    std::int64_t number = -1;  // of the tenth since the clock's epoch
    std::uint64_t done = 0, failed = 0;
  };
  void open(Cause cause, std::string why, Millis first, SteadyTime now);
  void close();

  const BreakerPolicy policy_;
  BreakerState state_ = BreakerState::closed;
  std::string because_;
  Cause cause_ = Cause::failures;
  std::array<Slot, slots> window_{};
  Millis pause_{0};
  SteadyTime next_probe_{};
  std::uint64_t opened_ = 0;
};

}  // namespace hostler::core
