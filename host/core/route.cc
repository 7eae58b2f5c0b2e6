#include "core/route.h"

#include <algorithm>

namespace hostler::core {
namespace {

Disposition dead(const Record& record, DeadReason reason, Timestamp now) {
  Disposition d;
  d.outcome = Outcome::dead;
  d.reason = reason;
  d.step = record.step.next();
  d.attempt = record.attempt;
  d.due = now;
  return d;
}

Disposition outcome(const Record& record, Outcome what) {
  Disposition d;
  d.outcome = what;
  d.step = record.step;
  d.attempt = record.attempt;
  return d;
}

}  // namespace

std::uint32_t retry_tier(const RetryPolicy& policy, Attempt failed_attempt, Timestamp now, Timestamp not_before) {
  const auto last = static_cast<std::uint32_t>(policy.delays.size() - 1);
  std::uint32_t tier = std::min(failed_attempt.value - 1, last);
  while (tier < last && now + policy.delays[tier].duration < not_before) ++tier;
  return tier;
}

Disposition route(const Record& record, Verdict verdict, const VerdictDetail* detail, const RetryPolicy& policy, Timestamp now) {
  if (record.filtered) return outcome(record, Outcome::filtered);
  if (record.invalid != DeadReason::none) return dead(record, record.invalid, now);
  switch (verdict) {
    case Verdict::done: return outcome(record, Outcome::done);
    case Verdict::drop: return outcome(record, Outcome::drop);
    case Verdict::reject: return dead(record, DeadReason::rejected, now);
    case Verdict::retry:
    case Verdict::unset: break;
  }
  if (policy.delays.empty() || record.attempt.value > policy.max_retries) return dead(record, DeadReason::retries_exhausted, now);
  Disposition d;
  d.outcome = Outcome::retry;
  d.tier = retry_tier(policy, record.attempt, now, detail == nullptr ? Timestamp{} : detail->not_before);
  d.step = record.step.next();
  d.attempt = record.attempt.next();
  d.due = now + policy.delays[d.tier].duration;
  return d;
}

}  // namespace hostler::core
