#include "core/health.h"
#include "support/catch.h"
#include "support/health.h"

using namespace hostler::core;
using namespace hostler::testing;

namespace {

struct Expected {
  bool live, ready;
  const char* words;  // of the first problem
};

void check(const HostHealth& health, const Expected& expected) {
  const auto a = assess(health);
  CHECK(a.live == expected.live);
  CHECK(a.ready == expected.ready);
  REQUIRE_FALSE(a.problems.empty());
  const auto& p = a.problems.front();
  CHECK_THAT(p.component + ": " + p.what, contains(expected.words));
}

}  // namespace

TEST_CASE("a healthy host has no problem, retries that wait are none") {
  const auto a = assess(healthy());
  CHECK(a.live);
  CHECK(a.ready);
  CHECK(a.problems.empty());
}

TEST_CASE("a lane that ended, hangs in the handler or does not move makes the host dead") {
  auto health = healthy();
  auto& lane = health.handlers[0].lanes[0];
  lane.ended = true;
  check(health, {false, false, "handler user-service: lane 0 has ended"});
  lane = {0, false, Millis(0), Millis(30'501), {}, {}, ""};
  check(health, {false, false, "has been in the handler's code for 30.5 s"});
  lane = {0, false, lane_quiet_limit + Millis(30'001), {}, {}, {}, ""};
  check(health, {false, false, "has not moved"});
}

TEST_CASE("a long batch within its timeout and a lane that waits for an outage are alive") {
  auto health = healthy();
  health.handlers[0].lanes[0] = {0, false, Millis(0), Millis(30'400), {}, {}, ""};
  CHECK(assess(health).ready);
  health.handlers[0].lanes[0] = {0, false, Millis(5'000), {}, {}, {}, "ledger"};
  CHECK(assess(health).live);
}

TEST_CASE("what keeps records from being settled makes the host unready, and it stays alive") {
  auto health = healthy();
  SECTION("ledger") {
    health.ledgers[0].error = "connection refused";
    check(health, {true, false, "ledger: connection refused"});
  }
  SECTION("brokers") {
    health.clusters[0].error = "no broker answers";
    check(health, {true, false, "kafka: no broker answers"});
  }
  SECTION("nobody has answered yet") {
    health.clusters[0].asked = health.ledgers[0].asked = false;
    check(health, {true, false, "kafka: the brokers have not answered yet"});
  }
  SECTION("an outage") {
    health.handlers[0].paused_because = "publishing: NOT_ENOUGH_REPLICAS";
    check(health, {true, false, "intake is paused: publishing"});
  }
  SECTION("brokers that do not take copies") {
    health.handlers[0].lanes[0].publishing = publish_limit + Millis(100);
    check(health, {true, false, "has been waiting for brokers to take its copies for 3.1 s"});
  }
  SECTION("not in the group") {
    health.handlers[0].source.joined = false;
    check(health, {true, false, "has not joined group users"});
  }
  SECTION("an assignment that cannot be read") {
    health.handlers[0].source.waiting_for = "the mark belongs to another cluster";
    check(health, {true, false, "another cluster"});
  }
  SECTION("a topic that is gone") {
    health.clusters[0].topics[0].partitions = 0;
    check(health, {true, false, "topic user-events does not exist"});
  }
  SECTION("partitions without a leader") {
    health.clusters[0].topics[0].offline = 2;
    check(health, {true, false, "2 partitions without a leader"});
  }
  SECTION("a database that lets it wait, for however long") {
    health.handlers[0].lanes[0] = {0, false, Millis(3'600'000), {}, {}, Millis(3'600'000), ""};
    check(health, {true, false, "has been waiting for its database for 3600.0 s"});
  }
  SECTION("a handler that could not be started") {
    health.handlers[0].failed = "no such file";
    check(health, {true, false, "does not run: no such file"});
  }
  SECTION("starting") {
    health.starting = true;
    health.handlers[0].source.joined = false;
    check(health, {true, false, "host: is starting"});
  }
  SECTION("draining") {
    health.draining = true;
    check(health, {true, false, "host: is draining"});
  }
}

TEST_CASE("records that wait for lost copies are worth a word, none and not knowing are not") {
  auto health = healthy();
  health.handlers[0].stuck = 0;
  CHECK(assess(health).problems.empty());
  health.handlers[0].stuck = 3;
  check(health, {true, true, "handler user-service: 3 records wait for a retry that was due more than 10 minutes ago"});
  CHECK_THAT(assess(health).problems.front().mend, contains("hostler ledger stuck"));
}

TEST_CASE("what is only worth knowing leaves the host ready") {
  auto health = healthy();
  SECTION("a broker of several is away") {
    health.clusters[0].brokers = {{1, "a:9092", "", Millis(1)}, {2, "b:9092", "no answer", Millis(0)}};
    check(health, {true, true, "broker 2 (b:9092) does not answer"});
  }
  SECTION("under-replicated partitions") {
    health.clusters[0].topics[0].under_replicated = 1;
    check(health, {true, true, "under-replicated"});
  }
  SECTION("other members have all partitions") {
    health.handlers[0].source.partitions.clear();
    check(health, {true, true, "has no partition"});
  }
  SECTION("a partition that stands") {
    health.handlers[0].source.partitions[0].quiet = Millis(60'001);
    check(health, {true, true, "user-events/0 stands at offset 10"});
  }
  SECTION("suspects that wait") {
    health.handlers[0].suspects = 12;
    check(health, {true, true, "handler user-service: suspects: 12 records in whose handling a host died wait to be handled one by one"});
  }
  SECTION("the clock jumped") {
    health.clock_jump = Millis(-3'600'000);
    check(health, {true, true, "the wall clock jumped by -3600000 ms"});
  }
}
