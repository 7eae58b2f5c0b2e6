// The operators' commands on a host that runs: read again, skip, and copies that were lost; and a database that fails over.
#include "flow/operating.h"
#include "support/catch.h"
#include "support/private_server.h"

using namespace hostler::flow;

namespace {

std::vector<std::string> rewind_words(const std::string& topic, const std::string& to) {
  return {"offsets", "rewind", "--handler", "effects", "--topic", topic, "--to", to, "--yes"};
}

// A record that waits for its retry, whose row says that it was due an hour ago.
void make_overdue(World& world) {
  REQUIRE(eventually(20s, [&] { return world.db().number("SELECT count(*) FROM hostler_delegated WHERE state = 'retry'") == 1; }));
  world.db().exec("UPDATE hostler_delegated SET due = now() - interval '1 hour'");
}

}  // namespace

TEST_CASE("an idle host is rewound while it runs: ids make duplicates of what is read again, unless they are forgotten, or a time is skipped to") {
  World world;
  const std::string topic = world.topic("events", 1, {{"retention.ms", "-1"}});  // some are old
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  Host host(config);
  auto old = good_events("old", 20);
  for (int i = 0; i < 20; ++i) old[static_cast<std::size_t>(i)].timestamp_ms = 1'700'000'000'000 + i * 1000;
  world.kafka().produce_all(topic, old);
  REQUIRE(world.settles({topic}, 30s));
  const auto duplicates = [&](int at_least) {
    const auto metrics = http_get(host.port(), "/metrics").body;
    const std::string name = "hostler_records_total{handler=\"effects\",outcome=\"duplicate\"} ";
    return has(metrics, name) && std::stoi(metrics.substr(metrics.find(name) + name.size())) >= at_least;
  };
  CHECK(operate(config, rewind_words(topic, "earliest")).status.code == 0);
  REQUIRE(eventually(20s, [&] { return duplicates(20); }));
  REQUIRE(world.settles({topic}, 20s));
  CHECK(world.effect_count() == 20);

  auto words = rewind_words(topic, "@2023-11-14T22:13:35Z");  // 1'700'000'015
  words.emplace_back("--forget-ids");
  const auto forgot = operate(config, words);
  INFO(forgot.output);
  CHECK(forgot.status.code == 0);
  CHECK_THAT(forgot.output, contains("from 20 to 15") && contains("5 settled ids from there on to be forgotten"));
  REQUIRE(eventually(20s, [&] { return world.effect_count() == 25; }));
  REQUIRE(world.settles({topic}, 20s));
  CHECK(world.db().number("SELECT count(DISTINCT event_id) FROM effects") == 20);
  CHECK(host.leave() == 0);

  world.kafka().produce_all(topic, good_events("skipped", 7));
  const auto skipped = operate(config, rewind_words(topic, "latest"));
  CHECK_THAT(skipped.output, contains("from 20 to 27: 7 offsets to be skipped") && contains("Kafka's offsets of group " + world.group() + " are set likewise"));
  CHECK(world.kafka().committed(world.group(), topic).at(0) == 27);
  CHECK(operate(config, rewind_words(topic, "28")).status.code == 1);
  Host next(config);
  next.ready();
  world.kafka().produce_all(topic, good_events("new", 3));
  REQUIRE(eventually(20s, [&] { return effects_of(world, "new") == 3; }));
  CHECK(effects_of(world, "skipped") == 0);
  CHECK(next.leave() == 0);
}

TEST_CASE("a host under load is rewound without ids: everything from there on is handled again, exactly once more, retries too") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic}).text("idempotency", "offset").without("event_id").set("batch.max_records", "10").set("retry.delays", R"(["1s"])")});
  world.migrate(config);
  Host host(config);
  for (int i = 0; i < 200; ++i) world.kafka().produce(topic, event("event-" + std::to_string(i), i % 50 == 7 ? "fail:2:" : "slow:5:"));
  world.kafka().flush();
  REQUIRE(eventually(30s, [&] { return world.effect_count() > 60; }));
  CHECK(operate(config, rewind_words(topic, "20")).status.code == 0);
  REQUIRE(world.settles({topic}, 60s));
  REQUIRE(eventually(20s, [&] { return world.db().number("SELECT count(DISTINCT off) FROM effects") == 200; }));
  CHECK(world.db().number("SELECT count(*) FROM (SELECT off FROM effects WHERE off < 20 GROUP BY off HAVING count(*) <> 1) x") == 0);
  CHECK(world.db().number("SELECT count(*) FROM (SELECT off FROM effects WHERE off >= 20 GROUP BY off HAVING count(*) > 2) x") == 0);
  CHECK(world.effect_count() > 200);
  CHECK(host.leave() == 0);
}

TEST_CASE("a copy that was lost with its retry topic is stuck, is published again, and its record is done once") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic}).set("retry.delays", R"(["3s"])")});
  world.migrate(config);
  {
    Host host(config);
    host.ready();
    world.kafka().produce_all(topic, {event("lost", "fail:2:")});
    make_overdue(world);
    CHECK(host.leave() == 0);
  }
  const std::string retries = world.retry_topic(topic, "3s");
  world.kafka().delete_topic(retries);
  Host host(config);
  host.ready();
  REQUIRE(eventually(20s, [&] { return world.kafka().has_topic(retries); }));
  CHECK(stays(4s, [&] { return world.effect_count() == 0; }));
  const auto stuck = operate(config, {"ledger", "stuck"});
  INFO(stuck.output);
  CHECK(stuck.status.code == 1);
  CHECK_THAT(stuck.output, contains("EVENT ID") && contains("lost") && contains("--reissue"));
  CHECK(operate(config, {"ledger", "stuck", "--reissue"}).status.code == 1);  // nothing was done
  CHECK(world.read(retries).empty());
  const auto reissued = operate(config, {"ledger", "stuck", "--reissue", "--yes"});
  INFO(reissued.output);
  CHECK(reissued.status.code == 0);
  CHECK_THAT(reissued.output, contains("published again to " + retries) && contains("1 of 1 published again"));
  CHECK(operate(config, {"ledger", "stuck"}).status.code == 0);
  REQUIRE(eventually(20s, [&] { return world.effect_count() == 1; }));
  REQUIRE(world.settles({topic}, 20s));
  CHECK(world.read(retries).size() == 1);
  CHECK(host.leave() == 0);
}

TEST_CASE("a copy that is published again although it was not lost changes nothing: its record is done once") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic}).set("retry.delays", R"(["10s"])")});
  world.migrate(config);
  Host host(config);
  host.ready();
  world.kafka().produce_all(topic, {event("there", "fail:2:")});
  make_overdue(world);
  for (int i = 0; i < 2; ++i) {
    CHECK(operate(config, {"ledger", "stuck", "--reissue", "--yes"}).status.code == 0);
    world.db().exec("UPDATE hostler_delegated SET due = now() - interval '1 hour' WHERE step = 1");
  }
  REQUIRE(eventually(30s, [&] { return world.effect_count() == 1; }));
  REQUIRE(world.settles({topic}, 20s));
  REQUIRE(eventually(20s, [&] { return world.kafka().lag(world.group() + ".retry", world.retry_topic(topic, "10s")) == 0; }));
  CHECK(world.effect_count() == 1);
  CHECK(world.read(world.retry_topic(topic, "10s")).size() == 3);
  CHECK(host.leave() == 0);
}

TEST_CASE("a lost copy whose origin is gone is said to be") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic}).set("retry.delays", R"(["600s"])")});
  world.migrate(config);
  {
    Host host(config);
    host.ready();
    world.kafka().produce_all(topic, {event("lost", "fail:2:")});
    make_overdue(world);
    CHECK(host.leave() == 0);
  }
  world.kafka().delete_topic(topic);
  world.topic();
  world.kafka().produce_all(topic, good_events("other", 3));
  const auto before = operate(config, {"ledger", "stuck", "--reissue", "--yes"});
  INFO(before.output);
  CHECK(before.status.code == 1);
  CHECK_THAT(before.output, contains("not published: " + topic + "/0 is held"));
  CHECK(operate(config, {"offsets", "adopt", "--handler", "effects", "--topic", topic, "--yes"}).status.code == 0);
  const auto after = operate(config, {"ledger", "stuck", "--reissue", "--yes"});
  CHECK(after.status.code == 1);
  CHECK_THAT(after.output, contains("the origin is gone: its topic was re-created since"));
}

TEST_CASE("a database that fails over to another host of its URL is followed, and everything is settled once") {
  PrivatePostgres first, second;
  World world(second.url());
  const std::string topic = world.topic();
  const auto host_of = [](const std::string& url) { return url.substr(url.find('@') + 1, url.find('/', url.find('@')) - url.find('@') - 1); };
  const auto setting = [](const PrivatePostgres& server, const std::string& change) {
    Postgres admin(server.url());
    admin.exec("SET default_transaction_read_only = off");
    admin.exec("ALTER SYSTEM " + change);
    admin.exec("SELECT pg_reload_conf()");
  };
  const std::string schema = "?options=-csearch_path%3D" + world.schema();
  const std::string database = second.url().substr(second.url().find('/', second.url().find('@')));
  Postgres(first.url()).exec("CREATE SCHEMA \"" + world.schema() + "\"");
  const auto tables = [&](const PrivatePostgres& server) {  // … of the ledger, made by the host's own migrations
    world.hosts_settle_in(server.url() + schema);
    REQUIRE(operate(world.config({world.handler({topic})}), {"ledger", "migrate"}).status.code == 0);
  };
  tables(first);
  tables(second);
  world.make_effects_table();
  Postgres there(first.url() + schema);
  there.exec("CREATE TABLE effects (event_id text NOT NULL, topic text, part integer, off bigint, body bytea, handled_at timestamptz DEFAULT clock_timestamp(), "
             "handled_by text DEFAULT current_setting('application_name'))");
  setting(first, "SET default_transaction_read_only = on");

  world.hosts_settle_in("postgresql://hostler@" + host_of(first.url()) + "," + host_of(second.url()) + database + schema + "&target_session_attrs=read-write");
  const auto config = world.config({world.handler({topic})});
  Host host(config);
  world.kafka().produce_all(topic, good_events("before", 50));
  REQUIRE(eventually(30s, [&] { return effects_of(world, "before") == 50; }));
  REQUIRE(eventually(20s, [&] { return has(readiness(host), "200 "); }));

  setting(second, "SET default_transaction_read_only = on");
  world.kafka().produce_all(topic, good_events("meanwhile", 50));
  REQUIRE(eventually(20s, [&] { return has(readiness(host), "503 ") && has(readiness(host), "read"); }));
  there.exec("SET default_transaction_read_only = off");
  for (const char* table : {"processed_events", "hostler_mark", "hostler_delegated", "effects"}) {  // what a standby would have
    const auto rows = world.db().value(std::string("SELECT coalesce(json_agg(t), '[]') FROM ") + table + " t");
    there.exec(std::string("INSERT INTO ") + table + " SELECT * FROM json_populate_recordset(null::" + table + ", $rows$" + rows + "$rows$)");
  }
  setting(first, "RESET default_transaction_read_only");
  world.kafka().produce_all(topic, good_events("after", 50));
  const auto effects = [&] { return there.number("SELECT count(*) FROM effects"); };
  REQUIRE(eventually(60s, [&] { return effects() == 150; }));
  REQUIRE(eventually(20s, [&] { return has(readiness(host), "200 "); }));
  CHECK(there.number("SELECT count(DISTINCT event_id) FROM effects") == 150);
  CHECK(world.effect_count() == 50);
  CHECK(host.lines_with("is held") == 0);
  CHECK(host.leave() == 0);
}
