// What is read is what the ledger knows: offsets reset by hand, topics re-created, other clusters, older databases are noticed, said, and
// read on with an operator's word, without a restart.
#include "flow/operating.h"
#include "support/catch.h"
#include "support/private_server.h"

using namespace hostler::flow;

TEST_CASE("offsets reset by hand hold their partition, the other is read, and a rewind goes on without doubling an effect") {
  World world;
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  for (int p = 0; p < 2; ++p) world.kafka().produce_all(topic, good_events("old" + std::to_string(p), 20, p));
  {
    Host host(config);
    REQUIRE(world.settles({topic}, 30s));
    CHECK(host.leave() == 0);
  }
  world.kafka().set_committed(world.group(), topic, 0, 5);

  Host host(config);
  REQUIRE(eventually(20s, [&] { return has(readiness(host), "503 ") && has(readiness(host), topic + "/0 is held: the group's committed offset is 5, but Kafka had acknowledged 20"); }));
  for (int p = 0; p < 2; ++p) world.kafka().produce_all(topic, good_events("new" + std::to_string(p), 5, p));
  REQUIRE(eventually(20s, [&] { return effects_of(world, "new1") == 5; }));
  CHECK(effects_of(world, "new0") == 0);
  CHECK(eventually(5s, [&] { return host.lines_with("is held: the group's committed offset is 5") == 2; }));  // once of the group, once of the host's state
  CHECK(world.kafka().committed(world.group(), topic).at(0) == 5);

  const auto shown = operate(config, {"offsets", "show"});
  INFO(shown.output);
  CHECK(shown.status.code == 1);
  CHECK_THAT(shown.output, contains("COMMITTED") && contains("reset") && contains("fine") && contains("`hostler offsets rewind`"));

  const std::vector<std::string> words{"offsets", "rewind", "--handler", "effects", "--topic", topic, "--partition", "0", "--to", "5"};
  const auto planned = operate(config, words);
  CHECK(planned.status.code == 0);
  CHECK_THAT(planned.output, contains(topic + "/0: from 20 to 5: 15 offsets to be read again; 15 remembered ids from there on: as many duplicates") && contains("--yes"));
  CHECK(world.db().number("SELECT next_offset FROM hostler_mark WHERE partition = 0 AND topic = '" + topic + "'") == 20);

  auto with_yes = words;
  with_yes.emplace_back("--yes");
  const auto done = operate(config, with_yes);
  INFO(done.output);
  CHECK(done.status.code == 0);
  CHECK_THAT(done.output, contains("has members: a running host notices"));
  REQUIRE(eventually(20s, [&] { return effects_of(world, "new0") == 5; }));
  REQUIRE(world.settles({topic}, 20s));
  REQUIRE(eventually(5s, [&] { return has(readiness(host), "200 "); }));
  CHECK(world.effect_count() == 50);
  CHECK(difference(world.effects(), reference(topic, world.read(topic)).effects) == "");
  CHECK(operate(config, {"offsets", "show", "--handler", "effects"}).status.code == 0);
  CHECK(host.leave() == 0);
}

TEST_CASE("offsets reset by hand are adopted as they are: without ids, everything from there on is handled again, once") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic}).text("idempotency", "offset").without("event_id")});
  world.migrate(config);
  world.kafka().produce_all(topic, good_events("old", 20));
  {
    Host host(config);
    REQUIRE(world.settles({topic}, 30s));
    CHECK(host.leave() == 0);
  }
  world.kafka().set_committed(world.group(), topic, 0, 12);
  Host host(config);
  REQUIRE(eventually(20s, [&] { return has(readiness(host), "somebody reset it by hand"); }));
  CHECK(operate(config, {"offsets", "adopt", "--handler", "effects", "--topic", topic}).status.code == 0);
  CHECK(world.effect_count() == 20);
  const auto done = operate(config, {"offsets", "adopt", "--handler", "effects", "--topic", topic, "--yes"});
  INFO(done.output);
  CHECK(done.status.code == 0);
  REQUIRE(eventually(20s, [&] { return world.effect_count() == 28; }));
  REQUIRE(world.settles({topic}, 20s));
  REQUIRE(eventually(5s, [&] { return has(readiness(host), "200 "); }));
  const auto again = operate(config, {"offsets", "adopt", "--handler", "effects", "--topic", topic, "--yes"});
  CHECK(again.status.code == 0);
  CHECK_THAT(again.output, contains("nothing to adopt"));
  CHECK(world.effect_count() == 28);
  CHECK(host.leave() == 0);
}

TEST_CASE("a topic that was deleted and created again is refused until it is adopted, and then read from its beginning") {
  World world;
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  for (int p = 0; p < 2; ++p) world.kafka().produce_all(topic, good_events("old" + std::to_string(p), 10, p));
  {
    Host host(config);
    REQUIRE(world.settles({topic}, 30s));
    CHECK(host.leave() == 0);
  }
  world.kafka().delete_topic(topic);
  REQUIRE(eventually(20s, [&] { return !world.kafka().has_topic(topic); }));
  world.topic("events", 2);
  world.kafka().produce_all(topic, good_events("new0", 30, 0));  // longer than the old one
  world.kafka().produce_all(topic, good_events("new1", 3, 1));   // shorter
  Host host(config);
  REQUIRE(eventually(20s, [&] { return has(readiness(host), "503 ") && has(readiness(host), "the topic was re-created"); }));
  CHECK(stays(2s, [&] { return effects_of(world, "new0") + effects_of(world, "new1") == 0; }));
  CHECK(host.lines_with("re-created") >= 1);

  const auto part = operate(config, {"offsets", "adopt", "--handler", "effects", "--topic", topic, "--partition", "0", "--yes"});
  CHECK(part.status.code == 2);
  CHECK_THAT(part.output, contains("--partition all"));
  const auto rewind = operate(config, {"offsets", "rewind", "--handler", "effects", "--topic", topic, "--to", "earliest", "--yes"});
  CHECK(rewind.status.code == 1);
  CHECK_THAT(rewind.output, contains("`hostler offsets adopt`"));
  const auto done = operate(config, {"offsets", "adopt", "--handler", "effects", "--topic", topic, "--yes"});
  INFO(done.output);
  CHECK(done.status.code == 0);
  REQUIRE(eventually(20s, [&] { return effects_of(world, "new0") == 30 && effects_of(world, "new1") == 3; }));
  REQUIRE(world.settles({topic}, 20s));
  REQUIRE(eventually(5s, [&] { return has(readiness(host), "200 "); }));
  CHECK(world.effect_count() == 53);
  CHECK(world.db().number("SELECT count(*) FROM hostler_mark WHERE topic_id = 1 AND topic = '" + topic + "'") == 2);  // the old ones stay
  CHECK(world.db().number("SELECT sum(next_offset) FROM hostler_mark WHERE topic_id = 2 AND topic = '" + topic + "'") == 33);
  CHECK(host.leave() == 0);
  Host next(config);
  next.ready();
  CHECK(next.leave() == 0);
}

TEST_CASE("the same topic on another cluster is refused, leaves the marks alone, and can be adopted") {
  PrivateKafka first, second;
  World world(postgres_url(), first.url());
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  world.kafka().produce_all(topic, good_events("first", 10));
  {
    Host host(config);
    REQUIRE(world.settles({topic}, 40s));
    CHECK(host.leave() == 0);
  }
  KafkaClient mirror(second.url());
  mirror.create_topic(topic, 1);
  mirror.produce_all(topic, world.kafka().read(topic));  // the same records, byte for byte
  mirror.produce_all(topic, good_events("second", 10));
  const std::string marks = "SELECT string_agg(concat_ws(',', epoch, next_offset, cluster_id), ';') FROM hostler_mark";
  const auto before = world.db().value(marks);
  world.hosts_use(second.url());
  const auto elsewhere = world.config({world.handler({topic})}, "elsewhere");
  Host host(elsewhere);
  REQUIRE(eventually(40s, [&] { return has(readiness(host), "503 ") && has(readiness(host), topic + "/0 is held: this is another cluster ("); }));
  CHECK(stays(2s, [&] { return effects_of(world, "second") == 0; }));
  CHECK(world.db().value(marks) == before);
  const auto done = operate(elsewhere, {"offsets", "adopt", "--handler", "effects", "--topic", topic, "--yes"});
  INFO(done.output);
  CHECK(done.status.code == 0);
  REQUIRE(eventually(20s, [&] { return effects_of(world, "second") == 10; }));
  CHECK(effects_of(world, "first") == 10);  // ids decide
  REQUIRE(eventually(5s, [&] { return has(readiness(host), "200 "); }));
  CHECK(host.leave() == 0);
}

TEST_CASE("after an older database was restored the mark decides: nothing is lost, nothing is there twice, and one line says by how much") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  const auto run_until_settled = [&] {
    Host host(config);
    REQUIRE(world.settles({topic}, 40s));
    CHECK(host.leave() == 0);
  };
  world.kafka().produce_all(topic, good_events("before", 10));
  run_until_settled();
  world.kafka().produce_all(topic, {event("retried", "fail:2:")});
  {
    Host host(config);  // leaves while the record waits for its retry
    REQUIRE(eventually(20s, [&] { return world.db().number("SELECT count(*) FROM hostler_delegated WHERE state = 'retry'") == 1; }));
    CHECK(host.leave() == 0);
  }
  Backup backup(world);
  world.kafka().produce_all(topic, good_events("after", 20));
  world.kafka().produce_all(topic, {event("later", "fail:2:"), event("dead", "reject:")});
  run_until_settled();
  CHECK(world.effect_count() == 32);

  backup.restore();
  CHECK(world.effect_count() == 10);
  Host host(config);
  REQUIRE(eventually(30s, [&] { return world.effect_count() == 31; }));  // all but the record whose copy was consumed before
  CHECK(host.lines_with("is 22 beyond the ledger's mark 11: an older database was restored") == 1);
  REQUIRE(eventually(20s, [&] { return world.kafka().lag(world.group(), topic) == 0; }));
  CHECK(world.db().number("SELECT count(*) FROM hostler_delegated WHERE state = 'retry' AND event_id = 'retried'") == 1);
  const auto stuck = operate(config, {"ledger", "stuck", "--older-than", "1s", "--reissue", "--yes"});
  INFO(stuck.output);
  CHECK(stuck.status.code == 0);
  REQUIRE(world.settles({topic}, 20s));
  CHECK(difference(world.effects(), reference(topic, world.read(topic)).effects) == "");
  CHECK(world.db().number("SELECT count(*) FROM hostler_delegated WHERE state = 'dead' AND event_id = 'dead'") == 1);
  CHECK(host.leave() == 0);
}

TEST_CASE("hosts that are killed again and again are never taken for somebody who resets offsets") {
  World world;
  const std::string topic = world.topic("events", 3);
  const auto config = world.config({world.handler({topic}).set("batch.max_records", "20")}, "flow", {{"session.timeout.ms", "1500"}});
  world.migrate(config);
  int produced = 0;
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 300; ++i) world.kafka().produce(topic, event("event-" + std::to_string(produced++), "good"));
    world.kafka().flush();
    const auto so_far = world.effect_count();
    Host host(config);
    REQUIRE(eventually(30s, [&] { return world.effect_count() > so_far + 50; }));
    host.kill_hard();
    CHECK(host.lines_with("is held") == 0);
  }
  Host host(config);
  REQUIRE(world.settles({topic}, 40s));
  CHECK(host.lines_with("is held") == 0);
  CHECK(host.lines_with("beyond the ledger's mark") == 0);
  CHECK(world.effect_count() == produced);
  CHECK(host.leave() == 0);
}

TEST_CASE("a group whose committed offsets are gone goes on at the mark, whatever `start` says") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic}).text("start", "latest")});
  world.migrate(config);
  {
    Host host(config);
    host.ready();
    world.kafka().produce_all(topic, good_events("old", 20));
    REQUIRE(eventually(20s, [&] { return effects_of(world, "old") == 20; }));
    CHECK(host.leave() == 0);
  }
  world.kafka().produce_all(topic, good_events("new", 10));
  world.kafka().forget_group(world.group());  // as when they expire
  Host host(config);
  host.ready();
  REQUIRE(eventually(20s, [&] { return effects_of(world, "new") == 10; }));
  CHECK(world.effect_count() == 30);
  CHECK(host.lines_with("is held") == 0);
  CHECK(host.leave() == 0);
}
