// What is not a record's fault is not charged to it: the database or the broker away, under load and at the start.
#include <csignal>

#include "flow/host_fixture.h"
#include "flow/late_port.h"
#include "support/catch.h"
#include "support/private_server.h"

using namespace hostler::flow;

TEST_CASE("PostgreSQL stopped for 20 s under load pauses the intake, and nothing is retried or dead-lettered for it") {
  PrivatePostgres postgres;
  World world(postgres.url());
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({world.handler({topic}).set("lanes", "2").set("batch.max_records", "50")});
  world.migrate(config);
  Host host(config);
  host.ready();
  int produced = 0;
  const auto load = [&] {
    for (int i = 0; i < 5; ++i, ++produced)
      world.kafka().produce(topic,
                            event("event-" + std::to_string(produced), produced < 20 ? "fail:2:" : "good"));
    world.kafka().flush();
    return true;
  };
  REQUIRE(eventually(20s, [&] { return load() && world.effect_count() > 200; }));
  // Stopped while batches of a second are in the handler's hands.
  constexpr int slow = 300;
  for (int i = 0; i < slow; ++i) world.kafka().produce(topic, event("slow-" + std::to_string(i), "slow:20:"));
  world.kafka().flush();
  const auto slow_done = [&] {
    return world.db().number("SELECT count(*) FROM effects WHERE event_id LIKE 'slow-%'");
  };
  REQUIRE(eventually(20s, [&] { return slow_done() > 0; }));
  REQUIRE(slow_done() < slow);
  world.reconnect();
  postgres.stop();
  const auto at_stop = world.kafka().committed(world.group(), topic);
  REQUIRE(stays(20s, [&] { return load() && host.running(); }));
  CHECK(world.kafka().lag(world.group(), topic) > 1000);
  CHECK(world.kafka().group(world.group()).members == 1);
  CHECK(host.lines_with("(breaker open): ledger") >= 1);
  CHECK(host.lines_with("(breaker open): ledger") <= 12); // said, not repeated
  CHECK(host.lines_with("records flow again") == 0);
  postgres.start();
  REQUIRE(world.settles({topic}, 40s));
  CHECK(host.lines_with("records flow again") >= 1);
  CHECK(host.leave() == 0);

  CHECK(difference(world.effects(), reference(topic, world.read(topic)).effects) == "");
  CHECK(world.effect_count() == produced + slow);
  CHECK(world.read(world.retry_topic(topic, "1s")).size() == 20); // the ones that failed on purpose, before
  CHECK(world.read(world.retry_topic(topic, "2s")).empty());
  CHECK(world.read(world.retry_topic(topic, "4s")).empty());
  CHECK(world.letters(topic).empty());
  CHECK(world.db().number("SELECT count(*) FROM hostler_delegated") == 0);
}

TEST_CASE("a table that is missing stops the intake and dead-letters nothing, and all is done when it is there") {
  World world;
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({world.handler({topic}).set("lanes", "2")});
  world.migrate(config);
  Host host(config);
  host.ready();
  world.db().exec("ALTER TABLE effects RENAME TO elsewhere");
  constexpr int count = 300;
  for (int i = 0; i < count; ++i) world.kafka().produce(topic, event("event-" + std::to_string(i), "good"));
  world.kafka().flush();
  REQUIRE(host.process().wait_for_output("(breaker open): ledger: SQL error 42P01", 20s));
  CHECK(stays(3s, [&] { return world.kafka().lag(world.group(), topic) == count; }));
  CHECK(host.lines_with("(breaker open)") <= 4); // said, not repeated
  world.db().exec("ALTER TABLE elsewhere RENAME TO effects");
  REQUIRE(world.settles({topic}, 20s));
  CHECK(world.effect_count() == count);
  CHECK(world.letters(topic).empty());
  CHECK(world.read(world.retry_topic(topic, "1s")).empty());
  CHECK(host.leave() == 0);
}

TEST_CASE("twenty poison records in a row open the breaker and do not hold it open") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic}).set("breaker.min_records", "10").set("batch.max_records", "5").set("retry.delays", R"(["3s"])")});
  world.migrate(config);
  for (int i = 0; i < 20; ++i) world.kafka().produce(topic, event("bad-" + std::to_string(i), "fail:9:"));
  for (int i = 0; i < 100; ++i) world.kafka().produce(topic, event("good-" + std::to_string(i), "good"));
  world.kafka().flush();
  Host host(config);
  REQUIRE(host.process().wait_for_output("(breaker open): 10 of the last 10 records failed", 20s));
  CHECK(world.effect_count() == 0);
  REQUIRE(eventually(90s, [&] { return world.effect_count() == 100; }));
  CHECK(host.lines_with("records flow again (breaker closed)") >= 1);
  REQUIRE(eventually(60s, [&] { return world.letters(topic).size() == 20; }));
  CHECK(host.leave() == 0);
}

TEST_CASE("PostgreSQL's sessions stop answering: the intake waits no longer than an answer may take, says so, and goes on with new ones") {
  PrivatePostgres postgres;
  World world(postgres.url());
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic}).text("timeout", "1s")});  // an answer may take 11 s
  world.migrate(config);
  Host host(config);
  host.ready();
  world.kafka().produce_all(topic, {event("before", "good")});
  REQUIRE(eventually(20s, [&] { return world.effect_count() == 1; }));
  std::vector<pid_t> stopped;
  for (const auto& row : world.db().query("SELECT pid FROM pg_stat_activity WHERE application_name = 'hostler/flow'")) {
    stopped.push_back(static_cast<pid_t>(std::stoi(row.at(0))));
    REQUIRE(kill(stopped.back(), SIGSTOP) == 0);
  }
  REQUIRE_FALSE(stopped.empty());
  world.kafka().produce_all(topic, {event("after", "good")});
  CHECK(host.process().wait_for_output("the database has not answered for 11000 ms", 30s));
  CHECK(host.process().wait_for_output("its connection was cut, records wait", 1s));
  CHECK(eventually(20s, [&] { return world.effect_count() == 2; }));
  CHECK(eventually(20s, [&] { return host.lines_with("records flow again") >= 1; }));
  for (const pid_t pid : stopped) REQUIRE(kill(pid, SIGCONT) == 0);
  CHECK(world.settles({topic}, 20s));
  CHECK(world.letters(topic).empty());
  CHECK(host.leave() == 0);
}

TEST_CASE("a host started while PostgreSQL is down stays up, says so once, and works when it comes") {
  PrivatePostgres postgres;
  World world(postgres.url());
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  world.reconnect();
  postgres.stop();
  world.kafka().produce_all(topic, {event("first", "value"), event("second", "fail:2:")});
  Host host(config);
  REQUIRE(host.process().wait_for_output("the ledger cannot be reached", 10s));
  CHECK(stays(4s, [&] { return host.running() && host.lines_with("ready: records") == 0; }));
  CHECK(host.lines_with("the ledger cannot be reached") == 1);
  postgres.start();
  REQUIRE(eventually(40s, [&] { return world.effect_count() == 2; }));
  CHECK(host.lines_with("ready: records") == 1);
  CHECK(world.letters(topic).empty());
  CHECK(host.leave() == 0);
}

TEST_CASE("a host started while the broker is down stays up, says so, and works when it comes") {
  World world;
  LatePort broker(world.bootstrap());
  const std::string topic = world.topic();
  world.hosts_use(broker.url());
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  world.kafka().produce_all(topic, {event("first", "value"), event("second", "fail:2:")});
  Host host(config);
  REQUIRE(host.process().wait_for_output(broker.url(), 10s));
  CHECK(stays(8s, [&] { return host.running() && host.lines_with("ready: records") == 0; }));
  // By each of its clients, and not again and again.
  CHECK(host.lines_with("_ALL_BROKERS_DOWN") >= 1);
  CHECK(host.lines_with("_ALL_BROKERS_DOWN") <= 3);
  CHECK(host.lines_with(R"("level":"error")") + host.lines_with(R"("level":"warn")") <= 6);
  broker.open();
  REQUIRE(eventually(40s, [&] { return world.effect_count() == 2; }));
  CHECK(host.lines_with("ready: records") == 1);
  CHECK(host.leave() == 0);
}
