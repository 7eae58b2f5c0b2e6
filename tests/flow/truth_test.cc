// The truth table: for each fault what /livez, /readyz, /health, the metrics and systemd see within five seconds.
#include <nlohmann/json.hpp>

#include "flow/host_fixture.h"
#include "flow/late_port.h"
#include "support/catch.h"
#include "support/http.h"
#include "support/notify_socket.h"
#include "support/private_server.h"
#include "support/sqlite.h"
#include "support/wait.h"

using namespace hostler::testing;
using namespace hostler::flow;

namespace {

constexpr auto soon = 5s;

struct Expected {
  bool live, ready;
  std::string words;   // of /readyz, or of /livez where it is not live
  std::string metric;  // a line of /metrics
};

// A host and everybody who watches it.
struct Watched {
  World& world;
  NotifySocket systemd;
  Host host;

  Watched(World& w, const std::filesystem::path& config, std::map<std::string, std::string> env = {})
      : world(w), systemd(w.folder() / "notify"), host(config, with_systemd(std::move(env))) {}

  std::map<std::string, std::string> with_systemd(std::map<std::string, std::string> env) const {
    env["NOTIFY_SOCKET"] = systemd.path();
    env["WATCHDOG_USEC"] = "400000";
    return env;
  }
  bool sees(const Expected& e) {
    const auto live = http_get(host.port(), "/livez"), ready = http_get(host.port(), "/readyz"), metrics = http_get(host.port(), "/metrics");
    const auto health = http_get(host.port(), "/health");
    seen = "livez " + std::to_string(live.status) + ": " + live.body + "readyz " + std::to_string(ready.status) + ": " + ready.body + "health " +
           std::to_string(health.status) + ": " + health.body + "status: " + systemd.status() + "\n";
    const auto report = nlohmann::json::parse(health.body, nullptr, false);
    const bool in_report = !report.is_discarded() && report["live"] == e.live && report["ready"] == e.ready;
    const std::string flags = std::string("\nhostler_live ") + (e.live ? "1" : "0") + "\n";
    return live.status == (e.live ? 200 : 503) && ready.status == (e.ready ? 200 : 503) && in_report && ready.body.find(e.words) != std::string::npos &&
           metrics.body.find(flags) != std::string::npos && metrics.body.find("\n" + e.metric) != std::string::npos;
  }
  // Everybody sees it soon; systemd's status says so too, and its watchdog is fed if and only if the host is alive.
  void must_see(const Expected& e) {
    const bool all = eventually(soon, [&] { return sees(e); });
    INFO(seen << "\n" << host.output());
    CHECK(all);
    CHECK(eventually(2s, [&] { return systemd.status().rfind(e.ready ? "ready" : e.live ? "not ready" : "not live", 0) == 0; }));
    const int fed = systemd.fed();
    if (e.live) CHECK(eventually(2s, [&] { return systemd.fed() > fed; }));
    else CHECK(stays(1s, [&] { return systemd.fed() == fed; }));
  }
  void must_be_well() { must_see({true, true, "ready\n", "hostler_ready 1"}); }

  std::string seen;
};

}  // namespace

TEST_CASE("truth: a handler that is stuck makes the host dead, the watchdog goes unfed, and then the host ends itself") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic}).text("timeout", "1s").set("max_crashes", "1").text("instance_id", "sole")});
  world.migrate(config);
  {
    Watched w(world, config);
    w.host.ready();
    CHECK(w.systemd.ready());
    w.must_be_well();
    world.kafka().produce_all(topic, {event("stuck", "slow:600000:"), event("next", "good")});
    // What there is time for between the deadline and the end: everybody has the same judgement from the same function.
    int fed = 0;
    const bool dead = eventually(soon, [&] {
      const auto live = http_get(w.host.port(), "/livez");
      fed = w.systemd.fed();
      return live.status == 503 && live.body.find("lane 0 has been in the handler's code for") != std::string::npos;
    });
    INFO(w.host.output());
    REQUIRE(dead);
    CHECK(http_get(w.host.port(), "/readyz").status == 503);
    CHECK_THAT(http_get(w.host.port(), "/metrics").body, contains("hostler_live 0\n") && contains("hostler_lane_handling_seconds{handler=\"effects\",lane=\"0\"} "));
    const auto end = w.host.process().wait(soon);
    REQUIRE(end);
    CHECK(*end == ExitStatus{4, 0});
    CHECK(w.systemd.fed() <= fed + 1);
    CHECK(w.systemd.status().rfind("not live: handler effects lane 0 has been in the handler's code", 0) == 0);
    CHECK(w.host.lines_with("This host ends itself so that another run can go on without it") == 1);
  }
  // What systemd starts then hangs once more on the record alone; the run after that goes on without it.
  Host again(config);
  REQUIRE(eventually(20s, [&] { return !again.running(); }));
  Host well(config);
  REQUIRE(eventually(20s, [&] { return world.letters(topic).size() == 1 && world.effect_count() == 1; }));
  CHECK(world.letters(topic).front().header("hostler-reason") == "hung");
  well.ready();
  CHECK(http_get(well.port(), "/livez").status == 200);
  CHECK(well.leave() == 0);
}

TEST_CASE("truth: a handler that waits for the database in a query is not stuck") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic}).text("timeout", "1s").text("plugin", "sql_query.so").text("handler", "sql.query")});
  world.migrate(config);
  Watched w(world, config);
  w.host.ready();
  w.must_be_well();
  world.db().exec("BEGIN; LOCK TABLE effects");
  world.kafka().produce_all(topic, {event("one", "good")});
  const auto waits = [&] { return world.db().number("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'effects'::regclass") == 1; };
  REQUIRE(eventually(10s, waits));
  CHECK(stays(5s, [&] { return http_get(w.host.port(), "/livez").status == 200; }));  // a handler has one second, and two of grace
  CHECK(waits());
  world.db().exec("ROLLBACK");
  CHECK(eventually(20s, [&] { return world.effect_count() == 1; }));
  w.must_be_well();
  CHECK(w.host.leave() == 0);
}

TEST_CASE("truth: a database that is down, and one that only reads: alive, not ready") {
  PrivatePostgres postgres;
  World world(postgres.url());
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  Watched w(world, config);
  w.host.ready();
  w.must_be_well();
  world.db().exec("ALTER SYSTEM SET default_transaction_read_only = on");
  world.db().exec("SELECT pg_reload_conf()");
  w.must_see({true, false, "read-only", "hostler_ledger_up{ledger=\"\"} 0"});
  world.db().exec("SET default_transaction_read_only = off");
  world.db().exec("ALTER SYSTEM RESET default_transaction_read_only");
  world.db().exec("SELECT pg_reload_conf()");
  w.must_be_well();
  world.reconnect();
  postgres.stop();
  w.must_see({true, false, "ledger: ", "hostler_ledger_up{ledger=\"\"} 0"});
  postgres.start();
  w.must_be_well();
  CHECK(w.host.leave() == 0);
}

TEST_CASE("truth: a broker that is down: alive, not ready, and ready again when it is back") {
  PrivateKafka kafka;
  World world(postgres_url(), kafka.url());
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic})}, "flow", {{"session.timeout.ms", "45000"}, {"reconnect.backoff.max.ms", "500"}});
  world.migrate(config);
  Watched w(world, config);
  w.host.ready();
  const auto health = nlohmann::json::parse(http_get(w.host.port(), "/health").body);
  CHECK(health["clusters"][0]["brokers"].size() == 1);
  CHECK(health["clusters"][0]["cluster_id"].get<std::string>().size() == 22);
  CHECK(health["clusters"][0]["controller"] == 1);
  kafka.stop();
  w.must_see({true, false, "kafka: no broker answers", "hostler_cluster_up{cluster=\"\"} 0"});
  kafka.start();
  REQUIRE(eventually(60s, [&] { return w.sees({true, true, "ready\n", "hostler_cluster_up{cluster=\"\"} 1"}); }));
  CHECK(w.host.leave() == 0);
}

TEST_CASE("truth: a dead-letter topic that takes no records: intake is paused, not ready") {
  World world;
  const std::string topic = world.topic();
  // Such a topic refuses records without a key.
  world.kafka().create_topic(world.dead_letter_topic(topic), 1, {{"cleanup.policy", "compact"}});
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  Watched w(world, config);
  w.host.ready();
  w.must_be_well();
  auto bad = event("bad", "reject:");
  bad.key = std::nullopt;
  world.kafka().produce_all(topic, {bad});
  w.must_see({true, false, "intake is paused: publishing: cannot publish to " + world.dead_letter_topic(topic), "hostler_intake_paused{handler=\"effects\"} 1"});
  CHECK(world.letters(topic).empty());
  w.host.kill_hard();
}

TEST_CASE("truth: a breaker that is open: alive, not ready, until a record succeeds") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic}).set("breaker.min_records", "5").set("batch.max_records", "5")});
  world.migrate(config);
  Watched w(world, config);
  w.host.ready();
  w.must_be_well();
  for (int i = 0; i < 5; ++i) world.kafka().produce(topic, event("bad-" + std::to_string(i), "fail:9:"));
  for (int i = 0; i < 3; ++i) world.kafka().produce(topic, event("probe-" + std::to_string(i), "fail:9:"));
  world.kafka().flush();
  w.must_see({true, false, "intake is paused: 5 of the last 5 records failed", "hostler_breaker_opened_total{handler=\"effects\"} 1"});
  CHECK(eventually(soon, [&] { return http_get(w.host.port(), "/metrics").body.find("hostler_breaker_state{handler=\"effects\",state=\"open\"} 1") != std::string::npos; }));
  const auto health = nlohmann::json::parse(http_get(w.host.port(), "/health").body);
  CHECK(health["handlers"][0]["breaker"]["because"] == "5 of the last 5 records failed");
  world.kafka().produce_all(topic, {event("good", "good")});
  REQUIRE(eventually(20s, [&] { return world.effect_count() == 1; }));
  w.must_be_well();
  CHECK(w.host.leave() == 0);
}

TEST_CASE("truth: a partition whose next record is gone stands, and the host is not ready") {
  World world;
  const std::string topic = world.topic();
  world.kafka().produce_all(topic, {event("a", "good"), event("b", "good")});
  world.kafka().set_committed(world.group(), topic, 0, 1000);
  const auto config = world.config({world.probe("probe.bare", {topic})});
  Watched w(world, config);
  REQUIRE(eventually(20s, [&] { return w.host.lines_with("its next record is gone") == 1; }));
  w.must_see({true, false, "Offset out of range", "hostler_ready 0"});
  CHECK(w.host.leave() == 0);
}

TEST_CASE("truth: a partition that is not the ledger's is held until it is, and the host is not ready") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  world.kafka().produce_all(topic, {event("a", "good")});
  {
    Host host(config);
    REQUIRE(world.settles({topic}, 30s));
    CHECK(host.leave() == 0);
  }
  const auto cluster = world.db().value("SELECT cluster_id FROM hostler_mark");
  world.db().exec("UPDATE hostler_mark SET cluster_id = 'elsewhere'");
  Watched w(world, config);
  REQUIRE(eventually(20s, [&] { return w.host.lines_with("is held: ") > 0; }));
  w.must_see({true, false, topic + "/0 is held: this is another cluster (" + cluster + ") than the ledger's (elsewhere)",
              "hostler_partition_refused{handler=\"effects\",topic=\"" + topic + "\",partition=\"0\"} 1"});
  const auto health = nlohmann::json::parse(http_get(w.host.port(), "/health").body);
  CHECK(health["handlers"][0]["source"]["partitions"][0]["held"].get<std::string>().find("another cluster") != std::string::npos);
  world.db().exec("UPDATE hostler_mark SET cluster_id = '" + cluster + "'");
  REQUIRE(eventually(15s, [&] { return w.sees({true, true, "ready\n", "hostler_partition_refused{handler=\"effects\",topic=\"" + topic + "\",partition=\"0\"} 0"}); }));
  CHECK(w.host.leave() == 0);
}

TEST_CASE("truth: offsets reset by hand are not followed in silence") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  world.kafka().produce_all(topic, {event("a", "good"), event("b", "good")});
  {
    Host host(config);
    REQUIRE(world.settles({topic}, 30s));
    CHECK(host.leave() == 0);
  }
  world.kafka().set_committed(world.group(), topic, 0, 0);
  Watched w(world, config);
  REQUIRE(eventually(20s, [&] { return w.host.lines_with("is held: ") > 0; }));
  w.must_see({true, false, "the group's committed offset is 0, but Kafka had acknowledged 2: somebody reset it by hand; `hostler offsets adopt`", "hostler_ready 0"});
  CHECK(w.host.leave() == 0);
}

TEST_CASE("truth: a copy that was lost is noted, and the host stays ready") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic}).set("retry.delays", R"(["600s"])")});
  world.migrate(config);
  world.kafka().produce_all(topic, {event("a", "fail:2:")});
  {
    Host host(config);
    REQUIRE(eventually(20s, [&] { return world.db().number("SELECT count(*) FROM hostler_delegated") == 1; }));
    CHECK(host.leave() == 0);
  }
  world.db().exec("UPDATE hostler_delegated SET due = now() - interval '11 minutes'");
  Watched w(world, config);
  w.host.ready();
  w.must_see({true, true, "1 record waits for a retry that was due more than 10 minutes ago", "hostler_stuck_records{handler=\"effects\"} 1"});
  CHECK(w.host.leave() == 0);
}

TEST_CASE("truth: a topic that is deleted is missed") {
  World world;
  const std::string topic = world.topic(), other = world.topic("other");
  const auto config = world.config({world.handler({topic, other})});
  world.migrate(config);
  Watched w(world, config);
  w.host.ready();
  w.must_be_well();
  world.kafka().delete_topic(other);
  w.must_see({true, false, "topic " + other + " does not exist", "hostler_topic_missing{cluster=\"\",topic=\"" + other + "\"} 1"});
  CHECK(w.host.leave() == 0);
}

TEST_CASE("truth: a wall clock that jumps is noted, and the host stays ready") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  const auto offset = world.folder().write("clock", "+0\n");
  Watched w(world, config,
            {{"LD_PRELOAD", "libfaketime.so.1"}, {"FAKETIME_TIMESTAMP_FILE", offset.string()}, {"FAKETIME_NO_CACHE", "1"}, {"FAKETIME_DONT_FAKE_MONOTONIC", "1"}, {"DONT_FAKE_MONOTONIC", "1"},
             {"LD_LIBRARY_PATH", "/usr/lib/x86_64-linux-gnu/faketime"}});
  w.host.ready();
  w.must_be_well();
  world.folder().write("clock", "+3600\n");
  w.must_see({true, true, "the wall clock jumped by", "hostler_clock_jump_seconds 3"});
  world.kafka().produce_all(topic, {event("after", "good")});
  CHECK(eventually(10s, [&] { return world.effect_count() == 1; }));
  w.host.kill_hard();  // the preloaded clock does not reach every wait of the C library
}

TEST_CASE("truth: a disk that is full: intake is paused, nothing is lost, and it goes on by itself") {
  World world;
  const std::string topic = world.topic();
  const auto file = world.folder() / "ledger.db";
  world.hosts_settle_in("sqlite://" + file.string());
  const auto config = world.config({world.handler({topic}).text("plugin", "noop.so").text("handler", "noop.batch")});
  REQUIRE(program({"ledger", "migrate", "--config", config.string()}).status.code == 0);
  const auto full = world.folder() / "full";
  Watched w(world, config, {{"LD_PRELOAD", std::string(HOSTLER_FLOW_PLUGIN_DIR) + "/disk_full.so"}, {"HOSTLER_TEST_DISK_FULL", full.string()}});
  w.host.ready();
  w.must_be_well();
  world.folder().write("full", "");
  w.must_see({true, false, "ledger: ", "hostler_ledger_up{ledger=\"\"} 0"});  // before a record finds out
  world.kafka().produce_all(topic, {event("one", "good")});
  w.must_see({true, false, "intake is paused: ledger: ", "hostler_intake_paused{handler=\"effects\"} 1"});
  std::filesystem::remove(full);
  Sqlite ledger(file);
  REQUIRE(eventually(20s, [&] { return ledger.number("SELECT count(*) FROM processed_events WHERE event_id = 'one'") == 1; }));
  w.must_be_well();
  CHECK(w.host.leave() == 0);
}

TEST_CASE("truth: a member without a partition is ready, and says why it does nothing") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic})}, "one");
  world.migrate(config);
  Host one(config);
  one.ready();
  Watched w(world, world.config({world.handler({topic})}, "two"));
  w.host.ready();
  const auto idle = [&](Host& host) { return http_get(host.port(), "/readyz").body.find("has no partition") != std::string::npos; };
  REQUIRE(eventually(20s, [&] { return idle(one) != idle(w.host); }));
  for (auto* host : {&one, &w.host}) CHECK(http_get(host->port(), "/readyz").status == 200);
  CHECK(one.leave() == 0);
  REQUIRE(eventually(20s, [&] { return !idle(w.host); }));
  w.must_be_well();
  CHECK(w.host.leave() == 0);
}

TEST_CASE("truth: a handler whose plugin cannot be loaded is named, and the others run") {
  World world;
  const std::string topic = world.topic();
  const auto bad = world.folder().write("bad.so", "this is no plugin");
  const auto config = world.config({world.handler({topic}), world.handler({topic}).text("name", "broken").text("group", world.name("other")).text("plugin", bad.string())});
  world.migrate(config);
  Watched w(world, config);
  w.must_see({true, false, "handler broken: does not run: ", "hostler_handler_failed{handler=\"broken\"} 1"});
  world.kafka().produce_all(topic, {event("one", "good")});
  CHECK(eventually(20s, [&] { return world.effect_count() == 1; }));
  CHECK(w.host.leave() == 0);
}
