// The host dies, fails or is held up at one point of the record's way; whatever it leaves behind, the next one finishes it exactly once.
#include <csignal>
#include <functional>

#include "flow/oracle.h"
#include "support/catch.h"

using namespace hostler::flow;

namespace {

// A dead member's partitions are given away after this.
const std::map<std::string, std::string> quick_session = {{"session.timeout.ms", "1200"},
                                                          {"heartbeat.interval.ms", "300"}};

// Good, failing and rejected events, and twins in both partitions.
std::vector<KafkaRecord> events(int count) {
  std::vector<KafkaRecord> out;
  for (int i = 0; i < count; ++i) {
    std::string value = "value " + std::to_string(i);
    if (i % 6 == 1) value = "fail:" + std::to_string(2 + i % 3) + ":" + value;
    if (i % 25 == 3) value = "reject:" + value;
    if (i % 40 == 11) value = "fail:9:" + value;
    out.push_back(event("event-" + std::to_string(i), value));
    if (i % 15 == 8) out.push_back(out[out.size() - 3]);
  }
  return out;
}

Case case_of(const std::string& topic) {
  Case out;
  out.topics = {topic};
  out.accounts = true;
  return out;
}

struct Setup {
  World world;
  const std::string topic = world.topic("events", 2);
  std::filesystem::path config;

  explicit Setup(const std::string& ledger = "") {
    if (!ledger.empty()) world.hosts_settle_in(ledger);
    config = world.config({handler()}, "failpoints", quick_session);
    world.migrate(config);
    world.make_accounts();
    world.kafka().produce_all(topic, events(300));
  }
  Host fragile(const std::string& failpoints) {
    return Host(config, {{"HOSTLER_FAILPOINTS", failpoints}}, HOSTLER_FAILPOINTS_BINARY);
  }
  [[nodiscard]] HandlerToml handler() const {
    return world.probe("probe.effects", {topic})
        .set("batch.max_records", "20")
        .set("retry.delays", R"(["1s", "2s", "4s"])")
        .text("config.accounts", "yes");
  }
  // The same for another host.
  std::filesystem::path other() { return world.config({handler()}, "other", quick_session); }
  void must_be_settled_once() {
    REQUIRE(world.settles({topic}, 60s));
    const auto judged = judge(world, case_of(topic));
    INFO(judged.text());
    CHECK(judged.records == 300);
    CHECK(judged.effects > 250);
    CHECK(judged.dead > 10);
    CHECK(judged.good());
  }
};

// Killed there, and again by its successor at another hit, then left alone.
void killed_at(const std::string& point, const std::vector<std::string>& hits) {
  Setup s;
  for (const auto& hit : hits) {
    INFO(point << "@" << hit);
    Host host = s.fragile(point + "=kill@" + hit);
    REQUIRE(host.process().wait_for_output("failpoint " + point + ": kill", 40s));
    REQUIRE(eventually(10s, [&] { return !host.running(); }));
  }
  Host host(s.config);
  s.must_be_settled_once();
  CHECK(host.leave() == 0);
}

void told_to_stop_at(const std::vector<std::string>& points) {
  for (const auto& point : points) {
    INFO(point);
    Setup s;
    Host first = s.fragile(point + "=delay:400@2");
    REQUIRE(first.process().wait_for_output("failpoint " + point + ": delay", 40s));
    CHECK(first.leave(10s) == 0);
    Host second(s.config);
    s.must_be_settled_once();
    CHECK(second.leave() == 0);
  }
}

void fails_at(const std::string& failpoints) {
  Setup s;
  Host host = s.fragile(failpoints);
  s.must_be_settled_once();
  CHECK(host.leave() == 0);
}

} // namespace

TEST_CASE("killed after the transaction began") { killed_at("begun", {"1", "7"}); }
TEST_CASE("killed before the handler is called") { killed_at("handle", {"1", "6"}); }
TEST_CASE("killed when the handler has returned") { killed_at("handled", {"2", "5"}); }
TEST_CASE("killed before publishing") { killed_at("publish", {"1", "4"}); }
TEST_CASE("killed while publishing, with some copies on their way") { killed_at("produced", {"2", "11"}); }
TEST_CASE("killed after publishing, before COMMIT") { killed_at("published", {"1", "5"}); }
TEST_CASE("killed before COMMIT") { killed_at("commit", {"1", "8"}); }
TEST_CASE("killed after COMMIT") { killed_at("committed", {"1", "8"}); }
TEST_CASE("killed before the offsets are committed") { killed_at("offsets", {"1", "2"}); }
TEST_CASE("killed when retried records are released") { killed_at("release", {"1", "3"}); }
TEST_CASE("killed when the marks are taken over") { killed_at("assign", {"1"}); }

TEST_CASE("sessions lost after begin, before and after COMMIT, now and then") {
  fails_at("begun=error@1/7,commit=error@1/7,committed=error@1/7");
}
TEST_CASE("acknowledgements lost before and after publishing, now and then") {
  fails_at("publish=error@1/5,published=error@1/4");
}
TEST_CASE("offsets that are never committed: the marks decide where the next host begins") {
  Setup s;
  Host host = s.fragile("offsets=error");
  const auto all_marks_at_the_end = [&] {
    return s.world.db().number("SELECT coalesce(sum(next_offset), 0) FROM hostler_mark") ==
               s.world.kafka().count(s.topic) &&
           s.world.db().number("SELECT count(*) FROM hostler_delegated WHERE state = 'retry'") == 0;
  };
  REQUIRE(eventually(60s, all_marks_at_the_end));
  CHECK(s.world.kafka().lag(s.world.group(), s.topic) == s.world.kafka().count(s.topic));
  CHECK(host.leave() == 0);
  Host next(s.config);
  s.must_be_settled_once();
  CHECK(next.leave() == 0);
}
TEST_CASE("told to stop before or in its handler, a host finishes what is in hand and leaves in good order") { told_to_stop_at({"begun", "handle", "handled"}); }
TEST_CASE("told to stop around publishing, a host finishes what is in hand and leaves in good order") { told_to_stop_at({"publish", "produced", "published"}); }
TEST_CASE("told to stop around its commits, a host finishes what is in hand and leaves in good order") { told_to_stop_at({"commit", "committed", "offsets", "release"}); }
TEST_CASE("handlers that fail whole batches, now and then") {
  Setup s; // … spend attempts of the records that stand alone in the end: none may have more than the limit
  Host host = s.fragile("handled=error@3,handled=error@11");
  REQUIRE(s.world.settles({s.topic}, 60s));
  const auto judged = judge(s.world, case_of(s.topic));
  INFO(judged.text());
  CHECK(judged.lost + judged.twice + judged.both + judged.no_letter + judged.early + judged.over_limit +
            judged.unsettled ==
        0);
  CHECK(host.leave() == 0);
}

TEST_CASE("killed in a revocation, when a second host joins") {
  Setup s;
  Host first = s.fragile("revoke=kill@1,handled=delay:30");
  REQUIRE(eventually(20s, [&] { return s.world.effect_count() > 0; }));
  Host second(s.other());
  REQUIRE(first.process().wait_for_output("failpoint revoke: kill", 40s));
  s.must_be_settled_once();
  CHECK(second.leave() == 0);
}

// Stopped for longer than its session lasts, with a batch in hand: it comes back when another host owns its partitions.
void stopped_at(const std::string& point, const std::function<bool(Setup&)>& meanwhile) {
  Setup s;
  const auto go = s.world.folder() / "go";
  Host first = s.fragile(point + "=block:" + go.string() + "@3");
  REQUIRE(first.process().wait_for_output("failpoint " + point + ": block", 20s));
  REQUIRE(kill(first.pid(), SIGSTOP) == 0);
  Host second(s.other());
  REQUIRE(meanwhile(s));
  s.world.folder().write("go", "");
  REQUIRE(kill(first.pid(), SIGCONT) == 0);
  s.must_be_settled_once();
  CHECK(first.leave() == 0);
  CHECK(second.leave() == 0);
}

TEST_CASE("a host stopped before its fence finds it stale when it wakes up, and changes nothing") {
  stopped_at("handled", [](Setup& s) { return s.world.settles({s.topic}, 60s); });
}

TEST_CASE("a host stopped between fence and COMMIT keeps the next owner waiting, and its COMMIT counts") {
  stopped_at("commit", [](Setup& s) {
    const auto before = s.world.effect_count();
    const auto waits = [&] {
      return s.world.db().number(
                 "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE "
                 "'%hostler_mark%'") > 0;
    };
    return eventually(20s, waits) && s.world.effect_count() == before;
  });
}

TEST_CASE("killed in a migration: it has not happened, and happens the next time") {
  World world;
  const auto config = world.config({world.handler({world.topic()})});
  const std::vector<std::string> migrate = {HOSTLER_FAILPOINTS_BINARY, "ledger", "migrate", "--config",
                                            config.string()};
  Process killed(migrate, {{{"HOSTLER_FAILPOINTS", "migrate=kill@1"}}, {}, {}});
  REQUIRE(killed.wait_for_output("failpoint migrate: kill", 20s));
  REQUIRE(eventually(10s, [&] { return !killed.running(); }));
  CHECK(world.db().value("SELECT to_regclass('hostler_mark') IS NULL") == "t");
  world.migrate(config);
  CHECK(world.db().value("SELECT to_regclass('hostler_mark') IS NULL") == "f");
}
