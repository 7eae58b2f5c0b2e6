// Members that come and go: two hosts in a group, and hosts that are told to leave in the middle of work.
#include <librdkafka/rdkafka.h>

#include <functional>

#include "flow/host_fixture.h"
#include "support/catch.h"

using namespace hostler::flow;

namespace {

// Two hosts with this handler share a group under load, one leaves in mid stream: every effect is there exactly once. `joined` says
// that both are members, given a function that produces records.
void one_of_two_leaves(World& world, const std::string& topic, const HandlerToml& handler,
                       const std::function<bool(const std::function<void(int)>& produce)>& joined) {
  const auto first_config = world.config({handler}, "first"),
             second_config = world.config({handler}, "second");
  world.migrate(first_config);
  Host first(first_config), second(second_config);
  first.ready();
  second.ready();
  int produced = 0;
  const auto produce = [&](int count) {
    for (const int end = produced + count; produced < end; ++produced) {
      const std::string id = "event-" + std::to_string(produced);
      world.kafka().produce(topic, event(id, produced % 20 == 7 ? "fail:2:" : "slow:2:"));
    }
    world.kafka().flush();
  };
  REQUIRE(joined(produce));
  const auto handled_by = [&](const std::string& host) {
    return world.db().number("SELECT count(*) FROM effects WHERE handled_by = 'hostler/" + host + "'");
  };
  const auto first_before = handled_by("first"), second_before = handled_by("second");
  produce(2500);
  REQUIRE(eventually(30s, [&] { return handled_by("first") > first_before + 100 && handled_by("second") > second_before + 100; }));
  REQUIRE(world.kafka().lag(world.group(), topic) > 0);
  CHECK(second.leave(20s) == 0);
  const auto by_second = handled_by("second");
  const auto at_leaving = world.effect_count();
  REQUIRE(at_leaving < produced);
  produce(500);
  REQUIRE(world.settles({topic}, 60s));
  CHECK(first.leave() == 0);

  CHECK(difference(world.effects(), reference(topic, world.read(topic)).effects) == "");
  CHECK(handled_by("second") == by_second);
  CHECK(world.db().number("SELECT count(DISTINCT part) FROM effects WHERE handled_by = 'hostler/first'") ==
        4);
  CHECK(world.letters(topic).empty());
}

// Partitions move without a stop of the group, so records flow until both hosts have handled some.
bool both_handle(World& world, const std::function<void(int)>& produce) {
  return eventually(60s, [&] {
    produce(8);
    return world.db().number("SELECT count(DISTINCT handled_by) FROM effects") == 2;
  });
}

// The client is too old for what the handler asks of the group: the host says so and does not start.
void is_refused(World& world, const HandlerToml& handler, const std::string& words) {
  const auto config = world.config({handler});
  world.migrate(config);
  Host host(config);
  const auto ended = host.process().wait(30s);
  REQUIRE(ended.has_value());
  CHECK(ended->code != 0);
  CHECK_THAT(host.output(), contains(words));
}

} // namespace

TEST_CASE("two hosts share a group, one leaves in mid stream, and every effect is there exactly once") {
  World world;
  const std::string topic = world.topic("events", 4);
  one_of_two_leaves(world, topic, world.handler({topic}).set("batch.max_records", "20"), [&](const auto&) {
    return eventually(20s, [&] {
      const auto group = world.kafka().group(world.group());
      return group.state == "Stable" && group.members == 2;
    });
  });
}

TEST_CASE("the same under cooperative-sticky, where the client can do it") {
  World world;
  const std::string topic = world.topic("events", 4);
  const auto handler = world.handler({topic}).set("batch.max_records", "20").text("assignment", "cooperative-sticky");
  if (rd_kafka_version() < 0x020a00ff) return is_refused(world, handler, "can lose an assignment together with its commits under cooperative-sticky");
  one_of_two_leaves(world, topic, handler, [&](const auto& produce) { return both_handle(world, produce); });
}

TEST_CASE("the same in a group that the brokers divide (KIP-848), where the client can do it") {
  World world;
  const std::string topic = world.topic("events", 4);
  auto handler = world.handler({topic});
  handler.set("batch.max_records", "20").text("kafka.\"group.protocol\"", "consumer");
  if (rd_kafka_version() < 0x020c00ff) return is_refused(world, handler, "has no finished group.protocol = consumer (KIP-848)");
  one_of_two_leaves(world, topic, handler, [&](const auto& produce) { return both_handle(world, produce); });
}

TEST_CASE("TERM in mid batch commits what is settled and leaves, and a restart handles the rest only") {
  const std::string which = GENERATE("probe.effects", "probe.bare");
  CAPTURE(which);
  World world;
  const std::string topic = world.topic("events", 1);
  const auto config = world.config({world.probe(which, {topic}).set("batch.max_records", "50")});
  world.migrate(config);
  for (int i = 0; i < 200; ++i) world.kafka().produce(topic, event("event-" + std::to_string(i), "slow:20:"));
  world.kafka().flush();

  Host host(config);
  REQUIRE(eventually(30s,
                     [&] { return world.deliveries().size() > 60; })); // in the second batch of a second each
  CHECK(host.leave(10s) == 0);
  const auto settled = static_cast<std::int64_t>(world.deliveries().size());
  CHECK(settled >= 100);
  CHECK(settled < 200);
  CHECK(world.kafka().committed(world.group(), topic) == std::map<std::int32_t, std::int64_t>{{0, settled}});
  if (which == "probe.effects") CHECK(world.effect_count() == settled);

  Host again(config);
  REQUIRE(eventually(30s, [&] { return world.kafka().lag(world.group(), topic) == 0; }));
  CHECK(again.leave() == 0);
  CHECK(world.deliveries().size() == 200); // nobody was handled twice
  if (which == "probe.effects")
    CHECK(difference(world.effects(), reference(topic, world.read(topic)).effects) == "");
}
