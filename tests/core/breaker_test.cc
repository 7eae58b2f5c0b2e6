#include "core/breaker.h"

#include "support/catch.h"

using namespace hostler::core;
using namespace std::chrono_literals;

namespace {

struct Bench {
  Breaker breaker{{0.5, 30s, 20}};
  SteadyTime now{1h};
  void settle(std::uint64_t done, std::uint64_t failed, std::uint64_t rejected = 0, bool fresh = true) { breaker.settled({done, failed, rejected}, fresh, now); }
  // How long it takes until the next probe is let through.
  Millis until_probe() {
    Millis waited{0};
    while (!breaker.admit(now)) {
      now += 10ms;
      waited += 10ms;
    }
    return waited;
  }
};

}  // namespace

TEST_CASE("breaker: failed records open it at the rate, and not before there are enough of them") {
  Bench b;
  b.settle(0, 19);
  CHECK(b.breaker.state() == BreakerState::closed);
  b.settle(0, 1);
  CHECK(b.breaker.state() == BreakerState::open);
  CHECK(b.breaker.because() == "20 of the last 20 records failed");
  CHECK(b.breaker.opened() == 1);
  Bench half;
  half.settle(60, 59);
  CHECK(half.breaker.state() == BreakerState::closed);
  half.settle(0, 1);
  CHECK(half.breaker.state() == BreakerState::open);
}

TEST_CASE("breaker: rejected records never open it") {
  Bench b;
  b.settle(0, 0, 10'000);
  CHECK(b.breaker.state() == BreakerState::closed);
  b.settle(0, 19, 10'000);
  CHECK(b.breaker.state() == BreakerState::closed);
}

TEST_CASE("breaker: what lies before the window is forgotten") {
  Bench b;
  for (int i = 0; i < 19; ++i) b.settle(0, 1);
  b.now += 31s;
  b.settle(0, 5);
  CHECK(b.breaker.state() == BreakerState::closed);
  b.now += 26s;
  b.settle(0, 15);
  CHECK(b.breaker.state() == BreakerState::open);
}

TEST_CASE("breaker: one probe at a time, and a success closes it and forgets the failures") {
  Bench b;
  b.settle(0, 20);
  CHECK(b.until_probe() == 500ms);
  CHECK(b.breaker.state() == BreakerState::half_open);
  CHECK_FALSE(b.breaker.admit(b.now + 1h));
  b.settle(1, 0);
  CHECK(b.breaker.state() == BreakerState::closed);
  CHECK(b.breaker.because().empty());
  b.settle(0, 19);
  CHECK(b.breaker.state() == BreakerState::closed);
}

TEST_CASE("breaker: failed probes lengthen the pause up to five seconds, and a rejected record proves that the handler works") {
  Bench b;
  b.settle(0, 20);
  std::vector<Millis> pauses;
  for (int i = 0; i < 6; ++i) {
    pauses.push_back(b.until_probe());
    b.settle(0, 1);
  }
  CHECK(pauses == std::vector<Millis>{500ms, 1s, 2s, 4s, 5s, 5s});
  CHECK(b.breaker.opened() == 1);
  b.until_probe();
  b.settle(0, 0, 1);
  CHECK(b.breaker.state() == BreakerState::closed);
}

TEST_CASE("breaker: an outage opens it at once, is tried again soon, and several lanes in it do not lengthen the pause") {
  Bench b;
  b.breaker.outage(Breaker::Cause::database, "ledger: down", b.now);
  b.breaker.outage(Breaker::Cause::database, "ledger: down", b.now);
  CHECK(b.breaker.opened() == 1);
  std::vector<Millis> pauses;
  for (int i = 0; i < 9; ++i) {
    pauses.push_back(b.until_probe());
    b.breaker.outage(Breaker::Cause::database, "ledger: still down", b.now);
    b.breaker.outage(Breaker::Cause::database, "ledger: still down", b.now);
  }
  CHECK(pauses == std::vector<Millis>{50ms, 100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 5s, 5s});
  CHECK(b.breaker.because() == "ledger: still down");
}

TEST_CASE("breaker: batches from before the opening count for nothing, a probe without a record goes again at once") {
  Bench b;
  b.breaker.outage(Breaker::Cause::handler, "down", b.now);
  b.settle(100, 0);
  CHECK(b.breaker.state() == BreakerState::open);
  b.until_probe();
  b.settle(0, 0);
  CHECK(b.breaker.state() == BreakerState::half_open);
  b.breaker.abandoned();
  CHECK(b.breaker.state() == BreakerState::open);
  CHECK(b.until_probe() == 0ms);
}

TEST_CASE("breaker: retried records that fail never open it, but tell how a probe went") {
  Bench b;
  b.settle(0, 1'000, 0, false);
  CHECK(b.breaker.state() == BreakerState::closed);
  b.breaker.outage(Breaker::Cause::database, "down", b.now);
  b.until_probe();
  b.settle(0, 1, 0, false);
  CHECK(b.breaker.state() == BreakerState::open);
  b.until_probe();
  b.settle(1, 0, 0, false);
  CHECK(b.breaker.state() == BreakerState::closed);
}
