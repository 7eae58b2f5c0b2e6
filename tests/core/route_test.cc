#include "core/route.h"

#include "support/catch.h"

using namespace hostler::core;
using namespace std::chrono_literals;

namespace {

const Timestamp now = from_epoch_ms(1'700'000'000'000);

Record record_on(std::uint32_t attempt, std::uint32_t step) {
  Record r;
  r.attempt = Attempt{attempt};
  r.step = Step{step};
  return r;
}

}  // namespace

TEST_CASE("a first failure goes to the 1 min tier, due a minute later") {
  const auto d = route(record_on(1, 0), Verdict::retry, nullptr, RetryPolicy{}, now);
  CHECK(d.outcome == Outcome::retry);
  CHECK(d.tier == 0);
  CHECK(d.attempt.value == 2);
  CHECK(d.step.value == 1);
  CHECK(d.due == now + 1min);
}

TEST_CASE("the third failure goes to the 30 min tier") {
  const auto d = route(record_on(3, 2), Verdict::retry, nullptr, RetryPolicy{}, now);
  CHECK(d.outcome == Outcome::retry);
  CHECK(d.tier == 2);
  CHECK(d.step.value == 3);
  CHECK(d.due == now + 30min);
}

TEST_CASE("the failure after the last retry is dead-lettered with the attempts it took") {
  const auto d = route(record_on(4, 3), Verdict::retry, nullptr, RetryPolicy{}, now);
  CHECK(d.outcome == Outcome::dead);
  CHECK(d.reason == DeadReason::retries_exhausted);
  CHECK(d.attempt.value == 4);
  CHECK(d.step.value == 4);
  CHECK(d.due == now);  // from when its row is kept
}

TEST_CASE("attempts beyond the tiers repeat the last tier up to max_retries") {
  RetryPolicy policy;
  policy.max_retries = 6;
  CHECK(route(record_on(5, 4), Verdict::retry, nullptr, policy, now).tier == 2);
  CHECK(route(record_on(6, 5), Verdict::retry, nullptr, policy, now).outcome == Outcome::retry);
  CHECK(route(record_on(7, 6), Verdict::retry, nullptr, policy, now).outcome == Outcome::dead);
}

TEST_CASE("the tier follows the attempt, never the step: a replayed record starts again at the first tier") {
  const auto d = route(record_on(2, 9), Verdict::retry, nullptr, RetryPolicy{}, now);
  CHECK(d.tier == 1);
  CHECK(d.step.value == 10);
}

TEST_CASE("not_before rounds up to the next tier that is late enough, at most to the last") {
  VerdictDetail detail;
  detail.not_before = now + 2min;
  CHECK(route(record_on(1, 0), Verdict::retry, &detail, RetryPolicy{}, now).tier == 1);
  detail.not_before = now + 1min;
  CHECK(route(record_on(1, 0), Verdict::retry, &detail, RetryPolicy{}, now).tier == 0);
  detail.not_before = now + 24h;
  CHECK(route(record_on(1, 0), Verdict::retry, &detail, RetryPolicy{}, now).tier == 2);
}

TEST_CASE("no tiers or no retries: the first failure is the last") {
  RetryPolicy none;
  none.delays.clear();
  CHECK(route(record_on(1, 0), Verdict::retry, nullptr, none, now).outcome == Outcome::dead);
  RetryPolicy zero;
  zero.max_retries = 0;
  CHECK(route(record_on(1, 0), Verdict::retry, nullptr, zero, now).outcome == Outcome::dead);
}

TEST_CASE("a reject is dead-lettered at once and a drop is not") {
  const auto rejected = route(record_on(1, 0), Verdict::reject, nullptr, RetryPolicy{}, now);
  CHECK(rejected.outcome == Outcome::dead);
  CHECK(rejected.reason == DeadReason::rejected);
  CHECK(rejected.step.value == 1);
  CHECK(route(record_on(1, 0), Verdict::drop, nullptr, RetryPolicy{}, now).outcome == Outcome::drop);
}

TEST_CASE("a verdict that was never set counts as retry") {
  CHECK(route(record_on(1, 0), Verdict::unset, nullptr, RetryPolicy{}, now).outcome == Outcome::retry);
}

TEST_CASE("a foreign copy is filtered and an invalid record dead-lettered, whatever the verdict says") {
  auto foreign = record_on(1, 1);
  foreign.filtered = true;
  CHECK(route(foreign, Verdict::reject, nullptr, RetryPolicy{}, now).outcome == Outcome::filtered);
  auto garbage = record_on(1, 0);
  garbage.invalid = DeadReason::undecodable;
  const auto d = route(garbage, Verdict::done, nullptr, RetryPolicy{}, now);
  CHECK(d.outcome == Outcome::dead);
  CHECK(d.reason == DeadReason::undecodable);
}
