#include "runtime/rate_limit.h"

#include "support/catch.h"
#include "world.h"

using namespace hostler;
using namespace hostler::testing;
using core::Millis;
using runtime::RateLimit;

TEST_CASE("over time a rate limit lets exactly its rate through") {
  core::SteadyTime now{};
  RateLimit limit(1000, now);
  std::size_t taken = 0;
  for (int ms = 0; ms < 10'000; ms += 7) {
    const std::size_t some = limit.available(now);
    CHECK(some <= 100);  // a tenth of a second's records
    limit.take(some, now);
    taken += some;
    now += Millis(7);
  }
  CHECK(taken >= 9'990);
  CHECK(taken <= 10'100);
}

TEST_CASE("after a pause no more than the bucket comes at once") {
  core::SteadyTime now{};
  RateLimit limit(50, now);
  CHECK(limit.available(now) == 5);
  now += std::chrono::hours(1);
  CHECK(limit.available(now) == 5);
}

TEST_CASE("debt of lanes that asked together is waited off") {
  core::SteadyTime now{};
  RateLimit limit(10, now);
  CHECK(limit.available(now) == 1);
  CHECK(limit.available(now) == 1);  // another lane, before the first has taken
  limit.take(1, now);
  limit.take(1, now);
  CHECK(limit.available(now) == 0);
  CHECK(limit.next_token(now) == Millis(200));
  CHECK(limit.available(now + Millis(199)) == 0);
  CHECK(limit.available(now + Millis(200)) == 1);
}

TEST_CASE("a pipeline polls no more than its handler's rate, and waits with empty hands") {
  auto handler = user_service();
  handler.rate_limit = 100;
  World w(handler);
  w.lane.handler = [](const core::Record&, HandlerCall&) { return core::Verdict::done; };
  for (int i = 0; i < 35; ++i) w.source.add(event("e" + std::to_string(i)));
  RateLimit limit(100, w.clock.steady());
  auto parts = w.parts(w.source);
  parts.rate_limit = &limit;
  runtime::Pipeline pipeline(parts);

  CHECK(pipeline.run_once(Millis(0)));
  CHECK(w.source.settled_to == core::Offset{10});
  CHECK_FALSE(pipeline.run_once(Millis(0)));  // no token left: nothing is polled
  CHECK(w.source.settled_to == core::Offset{10});

  const auto before = w.clock.steady();
  CHECK(pipeline.run_once(Millis(1000)));  // waits for a token, not for the whole time
  CHECK(w.clock.steady() - before < Millis(100));
  while (w.source.settled_to < core::Offset{35}) (void)pipeline.run_once(Millis(1000));
  const auto took = w.clock.steady() - before;
  CHECK(took >= Millis(240));
  CHECK(took < Millis(300));
}

TEST_CASE("a drain does not wait for tokens") {
  World w;
  RateLimit limit(1, w.clock.steady());
  limit.take(1000, w.clock.steady());
  auto parts = w.parts(w.source);
  parts.rate_limit = &limit;
  runtime::Pipeline pipeline(parts);
  w.source.drain();
  const auto before = w.clock.steady();
  CHECK_FALSE(pipeline.run_once(std::chrono::hours(1)));
  CHECK(w.clock.steady() - before < Millis(100));
}
