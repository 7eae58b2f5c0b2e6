// Who reads what: services that share a topic, services that share retry topics, patterns.
#include <algorithm>

#include "flow/host_fixture.h"
#include "support/catch.h"

using namespace hostler::flow;

namespace {

// Two services read one topic. What becomes of a record is said to `effects` by its value, to `other` by its header.
struct TwoServices {
  World world;
  std::string topic = world.topic("events", 2);
  std::string output = world.topic("output", 1);
  std::string other_group = world.name("other-group");

  [[nodiscard]] HandlerToml other() const {
    return world.probe("probe.bare", {topic}, output).text("name", "other").text("group", other_group);
  }
  void produce() {
    for (int i = 0; i < 100; ++i) {
      std::string value = "value", steer = "done";
      if (i % 10 == 3) value = "fail:2:";
      if (i % 10 == 5) value = "reject:not wanted by effects";
      if (i % 10 == 4) steer = "fail:2:";
      if (i % 10 == 6) steer = "reject:not wanted by other";
      auto record = event("event-" + std::to_string(i), value);
      record.headers.push_back({"steer", steer});
      world.kafka().produce(topic, record);
    }
    world.kafka().flush();
  }
  // Everything read, also of the retry topics, by both.
  [[nodiscard]] bool settled(const std::vector<std::string>& retry_topics) {
    return world.settled({topic}) && world.kafka().lag(other_group, topic) == 0 &&
           world.kafka().count(output) >= 90 &&
           std::all_of(retry_topics.begin(), retry_topics.end(), [&](const std::string& retry) {
             return !world.kafka().has_topic(retry) ||
                    (world.kafka().lag(other_group + ".retry", retry) == 0 &&
                     world.kafka().lag(world.group() + ".retry", retry) == 0);
           });
  }
  // Each service did its own work once.
  void check_work() {
    CHECK(difference(world.effects(), reference(topic, world.read(topic)).effects) == "");
    std::map<std::string, int> outputs;
    for (const auto& record : world.read(output)) ++outputs[record.key.value()];
    CHECK(outputs.size() == 90);
    CHECK(std::all_of(outputs.begin(), outputs.end(), [](const auto& entry) { return entry.second == 1; }));
    std::map<int, int> by_attempt;
    for (const auto& delivery : world.deliveries()) ++by_attempt[delivery.attempt];
    CHECK(by_attempt == std::map<int, int>{{1, 100}, {2, 10}});
  }
};

} // namespace

TEST_CASE("two services on one topic do not share retries") {
  TwoServices two;
  World& world = two.world;
  const auto effects_config = world.config({world.handler({two.topic})}, "one");
  const auto other_config = world.config({two.other()}, "two");
  world.migrate(effects_config);
  Host one(effects_config), other(other_config);
  two.produce();
  REQUIRE(eventually(30s, [&] { return two.settled({}); }));
  CHECK(one.leave() == 0);
  CHECK(other.leave() == 0);
  two.check_work();
  const std::string others = two.topic + "." + two.other_group;
  CHECK(world.read(world.retry_topic(two.topic, "1s")).size() == 10);
  CHECK(world.read(others + ".retry.1s").size() == 10);
  CHECK(world.letters(two.topic).size() == 10);
  CHECK(world.read(others + ".dlq").size() == 10);
}

TEST_CASE("two services may share retry and dead-letter topics, and each filters the other's copies") {
  TwoServices two;
  World& world = two.world;
  const auto shared = [&](HandlerToml handler) {
    return handler.text("retry.topic", world.name("internal.retry.{delay}"))
        .text("dead_letter.topic", world.name("internal.dlq"));
  };
  const auto effects_config = world.config({shared(world.handler({two.topic}))}, "one");
  const auto other_config = world.config({shared(two.other())}, "two");
  world.migrate(effects_config);
  Host one(effects_config), other(other_config);
  two.produce();
  REQUIRE(eventually(30s, [&] { return two.settled({world.name("internal.retry.1s")}); }));
  CHECK(one.leave() == 0);
  CHECK(other.leave() == 0);
  two.check_work();
  std::map<std::string, int> copies, letters;
  for (const auto& record : world.read(world.name("internal.retry.1s")))
    ++copies[record.header("hostler-handler").value()];
  CHECK(copies == std::map<std::string, int>{{"effects", 10}, {"other", 10}});
  CHECK(world.read(world.name("internal.retry.2s")).empty());
  for (const auto& record : world.read(world.name("internal.dlq"))) {
    ++letters[record.header("hostler-handler").value()];
    CHECK(record.header("hostler-reason") == "rejected");
    CHECK(record.header("hostler-error-message") ==
          "not wanted by " + record.header("hostler-handler").value());
  }
  CHECK(letters == std::map<std::string, int>{{"effects", 10}, {"other", 10}});
  CHECK(world.db().number("SELECT count(*) FROM hostler_delegated") == 10);
}

TEST_CASE("a shared retry topic with fewer partitions than a source takes its copies too") {
  World world;
  const std::string narrow = world.topic("narrow", 1), wide = world.topic("wide", 3);
  const auto config = world.config({world.handler({narrow, wide})
                                        .set("retry.delays", R"(["1s"])")
                                        .text("retry.topic", world.name("internal.retry.{delay}"))
                                        .text("dead_letter.topic", world.name("internal.dlq"))});
  world.kafka().create_topic(world.name("internal.retry.1s"), 1);
  world.migrate(config);
  Host host(config);
  for (int i = 0; i < 30; ++i) {
    world.kafka().produce(wide, event("wide-" + std::to_string(i), "fail:2:"));
    world.kafka().produce(narrow, event("narrow-" + std::to_string(i), "fail:2:"));
  }
  world.kafka().flush();
  REQUIRE(eventually(20s, [&] { return world.effect_count() >= 60; }));
  REQUIRE(world.settles({narrow, wide}, 10s));
  CHECK(host.leave() == 0);
  auto expected = reference(narrow, world.read(narrow)).effects;
  const auto more = reference(wide, world.read(wide)).effects;
  expected.insert(expected.end(), more.begin(), more.end());
  std::sort(expected.begin(), expected.end());
  CHECK(difference(world.effects(), expected) == "");
}

TEST_CASE(
    "a pattern subscription never consumes its own retry topics, and finds a topic that is created later") {
  World world;
  const std::string a = world.topic("chat.a", 2), b = world.topic("chat.b", 1);
  const auto config = world.config({world.handler({world.name("chat.*")})}, "pattern",
                                   {{"topic.metadata.refresh.interval.ms", "300"}});
  world.migrate(config);
  Host host(config);
  host.ready();
  const auto produce = [&](const std::string& topic) {
    for (int i = 0; i < 40; ++i) {
      std::string value = "value";
      if (i % 10 == 3) value = "fail:3:";
      if (i % 10 == 5) value = "retry:always";
      world.kafka().produce(topic, event(topic + "-" + std::to_string(i), value));
    }
    world.kafka().flush();
  };
  produce(a);
  produce(b);
  REQUIRE(eventually(20s, [&] { return world.effect_count() >= 64; })); // the rest waits in the tiers
  const std::string c = world.topic("chat.c", 2);
  produce(c);
  const std::vector<std::string> sources = {a, b, c};
  REQUIRE(eventually(40s, [&] { return world.effect_count() >= 108; }));
  REQUIRE(world.settles(sources, 30s));
  CHECK(host.leave() == 0);

  std::vector<Effect> expected;
  std::vector<std::string> topics = sources;
  for (const auto& topic : sources) {
    const auto part = reference(topic, world.read(topic));
    expected.insert(expected.end(), part.effects.begin(), part.effects.end());
    CHECK(world.letters(topic).size() == 4);
    for (const std::string delay : {"1s", "2s", "4s"}) {
      const std::string retry = world.retry_topic(topic, delay);
      topics.push_back(retry);
      CHECK(world.read(retry).size() == (delay == "4s" ? 4 : 8));
      CHECK(world.kafka().committed(world.group(), retry).empty());
    }
    topics.push_back(world.dead_letter_topic(topic));
    CHECK(world.kafka().committed(world.group(), topics.back()).empty());
  }
  std::sort(expected.begin(), expected.end());
  CHECK(difference(world.effects(), expected) == "");
  std::sort(topics.begin(), topics.end());
  CHECK(world.kafka().topics(world.name("chat.")) == topics); // no retry topic of a retry topic
}
