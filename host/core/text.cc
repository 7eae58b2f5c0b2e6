#include "core/disposition.h"
#include "core/record.h"

namespace hostler::core {

std::string_view to_text(DeadReason reason) {
  switch (reason) {
    case DeadReason::none: return "none";
    case DeadReason::retries_exhausted: return "retries-exhausted";
    case DeadReason::rejected: return "rejected";
    case DeadReason::invalid: return "invalid";
    case DeadReason::crashed: return "crashed";
    case DeadReason::hung: return "hung";
    case DeadReason::expired: return "expired";
    case DeadReason::undecodable: return "undecodable";
  }
  return "none";
}

std::string_view to_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::done: return "done";
    case Outcome::duplicate: return "duplicate";
    case Outcome::retry: return "retried";
    case Outcome::dead: return "dead-lettered";
    case Outcome::drop: return "dropped";
    case Outcome::filtered: return "filtered";
  }
  return "done";
}

}  // namespace hostler::core
