#include "core/due.h"

#include "support/catch.h"

using namespace hostler::core;
using namespace std::chrono_literals;

namespace {

const SteadyTime fetched{1h};
const Timestamp stamped = from_epoch_ms(1'000'000);

Now after(Millis wall, Millis steady) { return {stamped + wall, fetched + steady}; }

}  // namespace

TEST_CASE("a record is due one delay after its timestamp, not a millisecond earlier") {
  CHECK(until_due(stamped, 60s, fetched, after(0s, 0s)) == 60s);
  CHECK(until_due(stamped, 60s, fetched, after(59'999ms, 1s)) == 1ms);
  CHECK(until_due(stamped, 60s, fetched, after(60s, 1s)) == 0ms);
  CHECK(until_due(stamped, 60s, fetched, after(90s, 1s)) < 0ms);
}

TEST_CASE("time spent before the fetch counts") {
  CHECK(until_due(stamped, 60s, fetched, after(50s, 0s)) == 10s);
}

TEST_CASE("a timestamp from a clock that runs ahead holds a record no longer than the delay after its fetch") {
  const Now now{stamped - 1h, fetched + 20s};
  CHECK(until_due(stamped, 60s, fetched, now) == 40s);
  CHECK(until_due(stamped, 60s, fetched, {stamped - 1h, fetched + 60s}) == 0ms);
}

TEST_CASE("a part of a millisecond left by the steady clock still waits") {
  CHECK(until_due(stamped, 60s, fetched, {stamped - 1h, fetched + 60s - 1us}) == 1ms);
}

TEST_CASE("a record without a timestamp is due one delay after its fetch") {
  CHECK(until_due(from_epoch_ms(-1), 60s, fetched, after(90s, 10s)) == 50s);
}

TEST_CASE("no delay, no wait") { CHECK(until_due(stamped, 0ms, fetched, after(0s, 0s)) <= 0ms); }
