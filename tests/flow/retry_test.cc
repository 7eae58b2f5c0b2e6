// The retry tiers: a record that fails comes back, never early, once, and holds nobody up.
#include <algorithm>
#include <iostream>

#include "flow/host_fixture.h"
#include "support/catch.h"

using namespace hostler::flow;

TEST_CASE("a transient failure succeeds in the second tier") {
  World world;
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  Host host(config);
  std::vector<KafkaRecord> records;
  for (int i = 0; i < 200; ++i) {
    const std::string number = std::to_string(i);
    records.push_back(event("event-" + number, i % 10 == 3 ? "fail:3:" + number : number));
  }
  world.kafka().produce_all(topic, records);
  REQUIRE(eventually(30s, [&] { return world.effect_count() >= 200; }));
  REQUIRE(world.settles({topic}, 10s));
  CHECK(host.leave() == 0);

  CHECK(difference(world.effects(), reference(topic, world.read(topic)).effects) == "");
  for (const auto& [delay, attempt] : {std::pair("1s", "2"), std::pair("2s", "3")}) {
    const auto copies = world.read(world.retry_topic(topic, delay));
    CHECK(copies.size() == 20);
    for (const auto& copy : copies) CHECK(copy.header("hostler-attempt") == attempt);
  }
  CHECK(world.read(world.retry_topic(topic, "4s")).empty());
  CHECK(world.letters(topic).empty());
  CHECK(world.db().number("SELECT count(*) FROM processed_events WHERE state = 'done'") == 200);
  CHECK(world.db().number("SELECT count(*) FROM hostler_delegated") == 0);
}

TEST_CASE("a retry group whose committed offsets are gone reads its topics anew: settled copies are duplicates, waiting ones run once") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.probe("probe.effects", {topic})});
  world.migrate(config);
  for (int i = 0; i < 40; ++i) world.kafka().produce(topic, event("event-" + std::to_string(i), i % 2 == 0 ? "fail:2:" : "fail:9:"));
  world.kafka().flush();
  {
    Host host(config);
    REQUIRE(world.settles({topic}, 40s));
    CHECK(host.leave() == 0);
  }
  world.kafka().produce_all(topic, {event("waits", "fail:2:")});
  {
    Host host(config);
    REQUIRE(eventually(20s, [&] { return world.db().number("SELECT count(*) FROM hostler_delegated WHERE state = 'retry'") == 1; }));
    CHECK(host.leave() == 0);
  }
  world.kafka().forget_group(world.group() + ".retry");  // as when they expire
  const auto before = world.deliveries().size();
  Host host(config);
  REQUIRE(world.settles({topic}, 40s));
  REQUIRE(eventually(20s, [&] { return world.kafka().lag(world.group() + ".retry", world.retry_topic(topic, "1s")) == 0; }));
  CHECK(host.leave() == 0);
  CHECK(world.deliveries().size() == before + 1);  // nobody but the one that waited
  CHECK(world.effect_count() == 21);
  CHECK(world.letters(topic).size() == 20);
}

TEST_CASE("no retry is delivered before it is due") {
  World world;
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({world.probe("probe.effects", {topic})});
  world.migrate(config);
  Host host(config);
  host.ready();
  constexpr int count = 60;
  for (int i = 0; i < count; ++i) { // not in one batch, and each tier filled while others wait in it
    world.kafka().produce_all(topic, {event("event-" + std::to_string(i), "fail:4:")});
    REQUIRE(eventually(10s, [&] { return world.deliveries().size() > static_cast<std::size_t>(i); }));
  }
  REQUIRE(eventually(30s, [&] { return world.effect_count() >= count; }));
  REQUIRE(world.settles({topic}, 10s));
  CHECK(host.leave() == 0);
  CHECK(world.effect_count() == count);

  const auto deliveries = world.deliveries();
  CHECK(deliveries.size() == 4 * count);
  std::vector<std::int64_t> lateness;
  for (const auto& [delay, attempt, millis] :
       {std::tuple("1s", 2, 1000), std::tuple("2s", 3, 2000), std::tuple("4s", 4, 4000)}) {
    std::map<std::string, std::int64_t> due;
    for (const auto& copy : world.read(world.retry_topic(topic, delay)))
      due[copy.header("event-id").value()] = copy.timestamp_ms + millis;
    for (const auto& delivery : deliveries) {
      if (delivery.attempt == attempt) lateness.push_back(delivery.at_ms - due.at(delivery.event_id));
    }
  }
  REQUIRE(lateness.size() == 3 * count);
  std::sort(lateness.begin(), lateness.end());
  std::cout << "lateness of " << lateness.size() << " retries: least " << lateness.front() << " ms, median "
            << lateness[lateness.size() / 2] << " ms, most " << lateness.back() << " ms" << std::endl;
  CHECK(lateness.front() >= 0);
  CHECK(lateness[lateness.size() / 2] < 2000);
}

TEST_CASE("fresh records flow while a failing one waits in its tier") {
  World world;
  const std::string topic = world.topic("events", 1);
  const auto config = world.config({world.handler({topic}).set("retry.delays", R"(["6s"])")});
  world.migrate(config);
  Host host(config);
  host.ready();
  const std::string tier = world.retry_topic(topic, "6s");
  world.kafka().produce_all(topic, {event("failing", "fail:2:")});
  REQUIRE(eventually(10s, [&] { return world.kafka().has_topic(tier) && world.kafka().count(tier) == 1; }));
  for (int i = 0; i < 300; ++i) world.kafka().produce(topic, event("fresh-" + std::to_string(i), "good"));
  world.kafka().flush();
  REQUIRE(eventually(30s, [&] { return world.effect_count() >= 301; }));
  CHECK(host.leave() == 0);

  const auto due = std::to_string(world.read(tier).at(0).timestamp_ms + 6000);
  const std::string handled_before_due = "extract(epoch FROM handled_at) * 1000 < " + due;
  CHECK(world.db().number("SELECT count(*) FROM effects WHERE event_id <> 'failing' AND " +
                          handled_before_due) == 300);
  CHECK(world.db().number("SELECT count(*) FROM effects WHERE event_id = 'failing' AND NOT " +
                          handled_before_due) == 1);
  CHECK(world.effect_count() == 301);
}
