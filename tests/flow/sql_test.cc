// SQL of a record commits if and only if its verdict is done, and a statement's error is charged to its record alone.
#include <algorithm>

#include "flow/host_fixture.h"
#include "support/catch.h"

using namespace hostler::flow;

TEST_CASE("SQL of a record whose verdict is not done leaves no trace") {
  World world;
  const std::string topic = world.topic("events", 2);
  // Three ways of doing SQL: enqueued by record, enqueued by batch, written by query while the batch is handled.
  std::vector<HandlerToml> handlers;
  const std::vector<std::string> names = {"effects", "batch", "query"};
  for (const auto& name : names) {
    auto handler = world.handler({topic}).set("retry.delays", R"(["1s"])").set("retry.max_retries", "1");
    handlers.push_back(handler.text("name", name)
                           .text("plugin", name == "query" ? "sql_query.so" : "sql_effects.so")
                           .text("handler", "sql." + name)
                           .text("group", world.name(name))
                           .text("config.table", name)
                           .set("batch.max_records", "60"));
  }
  const auto config = world.config(handlers);
  world.migrate(config);
  world.db().exec("DROP TABLE effects");
  for (const auto& name : names) world.make_effects_table(name);
  for (int i = 0; i < 200; ++i) {
    std::string value = "value";
    if (i % 20 == 3) value = "reject:no";
    if (i % 20 == 6) value = "drop:no";
    if (i % 20 == 9) value = "retry:no";
    if (i % 20 == 12) value = "fail:2:";
    if (i == 77) value = "throw:out";
    world.kafka().produce(topic, event("event-" + std::to_string(i), value));
  }
  world.kafka().flush();
  Host host(config);
  for (const auto& name : names) {
    CAPTURE(name);
    REQUIRE(eventually(30s, [&] { return world.kafka().lag(world.name(name), topic) == 0; }));
  }
  REQUIRE(eventually(30s, [&] {
    return world.db().number("SELECT count(*) FROM hostler_delegated WHERE state = 'retry'") == 0;
  }));
  CHECK(host.leave() == 0);

  const auto wanted = reference(topic, world.read(topic), 1);
  REQUIRE(wanted.effects.size() == 169);
  REQUIRE(wanted.dead.size() == 21);
  for (const auto& name : names) {
    CAPTURE(name);
    CHECK(difference(world.effects(name), wanted.effects) == "");
    std::multiset<std::string> dead;
    for (const auto& letter : world.read(topic + "." + world.name(name) + ".dlq"))
      dead.insert(letter.header("event-id").value());
    CHECK(dead == std::multiset<std::string>(wanted.dead.begin(), wanted.dead.end()));
  }
}

TEST_CASE("a failing statement is charged to its record alone among 500") {
  const std::string on_sql_error = GENERATE("reject", "retry");
  CAPTURE(on_sql_error);
  World world;
  const std::string topic = world.topic("events", 1);
  const auto config = world.config({world.handler({topic})
                                        .text("on_sql_error", on_sql_error)
                                        .set("retry.delays", R"(["1s"])")
                                        .set("retry.max_retries", "1")
                                        .set("batch.max_records", "500")
                                        .text("batch.max_wait", "2s")});
  world.migrate(config);
  for (int i = 0; i < 500; ++i)
    world.kafka().produce(topic, event("event-" + std::to_string(i), i == 250 ? "badsql:" : "good"));
  world.kafka().flush();
  Host host(config);
  REQUIRE(eventually(30s, [&] { return world.effect_count() >= 499; }));
  REQUIRE(world.settles({topic}, 20s));
  CHECK(host.leave() == 0);

  auto expected = reference(topic, world.read(topic)).effects;
  std::erase_if(expected, [](const Effect& effect) { return effect.event_id == "event-250"; });
  CHECK(difference(world.effects(), expected) == "");
  const auto copies = world.read(world.retry_topic(topic, "1s"));
  CHECK(copies.size() == (on_sql_error == "retry" ? 1 : 0));
  const auto letters = world.letters(topic);
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].header("event-id") == "event-250");
  CHECK(letters[0].header("hostler-reason") == (on_sql_error == "retry" ? "retries-exhausted" : "rejected"));
  CHECK_THAT(letters[0].header("hostler-error-message").value_or(""), contains("23502"));
  CHECK(world.db().number("SELECT count(*) FROM processed_events WHERE state = 'done'") == 499);
}
