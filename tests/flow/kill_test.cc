// SIGKILL in the middle of work, and a restart: nothing is lost, and with a ledger nothing happens twice.
#include <random>

#include "flow/host_fixture.h"
#include "support/catch.h"

using namespace hostler::flow;

namespace {

// A dead member's partitions are given away after this; short, as each kill costs it.
const std::map<std::string, std::string> quick_session = {{"session.timeout.ms", "1200"},
                                                          {"heartbeat.interval.ms", "300"}};

// Good, slow, failing, rejected and repeated events, mixed by number; repeated ones have the same key and so the same partition.
std::vector<KafkaRecord> mixed_events(int count, const std::string& slow) {
  std::vector<KafkaRecord> records;
  for (int i = 0; i < count; ++i) {
    const std::string id = "event-" + std::to_string(i);
    std::string value = "value " + std::to_string(i);
    if (i % 12 == 5) value = "fail:2:" + value;
    if (i % 12 == 7) value = slow + value;
    if (i % 50 == 21) value = "reject:" + value;
    records.push_back(event(id, value));
    if (i % 9 == 8) records.push_back(records[records.size() - 5]);
  }
  return records;
}

// At a moment that does not follow from what the test has just seen.
void kill_at_random(Host& host, std::mt19937& random) {
  REQUIRE(stays(std::chrono::milliseconds(random() % 150), [&] { return host.running(); }));
  host.kill_hard();
}

} // namespace

TEST_CASE("without a ledger a host killed in mid batch loses no record") {
  World world;
  const std::string topic = world.topic("events", 2), output = world.topic("output", 2);
  const auto config = world.config({world.probe("probe.bare", {topic}, output)
                                        .set("batch.max_records", "20")
                                        .set("retry.delays", R"(["1s"])")},
                                   "bare", quick_session);
  world.kafka().produce_all(topic, mixed_events(1200, "slow:40:")); // a batch takes about 70 ms

  std::mt19937 random(7);
  for (int kills = 0; kills < 5; ++kills) {
    Host host(config);
    const auto before = world.kafka().count(output);
    const auto more = static_cast<std::int64_t>(40 + random() % 60);
    REQUIRE(eventually(20s, [&] { return world.kafka().count(output) >= before + more; }));
    kill_at_random(host, random);
    REQUIRE(world.kafka().lag(world.group(), topic) > 0); // it had more to do
  }
  Host host(config);
  const auto wanted = reference(topic, world.read(topic), 3);
  std::set<std::string> good;
  for (const auto& effect : wanted.effects) good.insert(effect.event_id);
  REQUIRE(good.size() > 1100);
  const auto missing = [](std::set<std::string> ids, const std::vector<KafkaRecord>& from) {
    for (const auto& record : from) ids.erase(record.key.value());
    return ids;
  };
  CHECK(eventually(30s, [&] {
    return world.kafka().lag(world.group(), topic) == 0 && missing(good, world.read(output)).empty() &&
           missing(wanted.dead, world.letters(topic)).empty();
  }));
  CHECK(host.leave() == 0);
  const std::set<std::string> none;
  CHECK(missing(good, world.read(output)) == none);
  CHECK(missing(wanted.dead, world.letters(topic)) == none);
}

TEST_CASE("a host killed in mid batch ten times leaves each effect exactly once") {
  World world;
  const std::string topic = world.topic("events", 3);
  const auto config = world.config({world.handler({topic}).set("lanes", "2").set("batch.max_records", "20")},
                                   "killed", quick_session);
  world.migrate(config);
  world.kafka().produce_all(topic, mixed_events(9000, "slow:20:"));

  std::mt19937 random(11);
  int offsets_behind = 0;
  for (int kills = 0; kills < 10; ++kills) {
    Host host(config);
    const auto before = world.effect_count();
    const auto more = static_cast<long long>(150 + random() % 150);
    REQUIRE(eventually(20s, [&] { return world.effect_count() >= before + more; }));
    kill_at_random(host, random);
    REQUIRE(world.kafka().lag(world.group(), topic) > 0); // it had more to do
    // Between COMMIT and the commit of the offset: the ledger's mark is ahead.
    for (const auto& [partition, offset] : world.kafka().committed(world.group(), topic)) {
      offsets_behind += world.db().number("SELECT next_offset FROM hostler_mark WHERE partition = " +
                                          std::to_string(partition)) > offset;
    }
    CHECK(world.db().number("SELECT count(*) - count(DISTINCT event_id) FROM effects") == 0);
  }
  CHECK(offsets_behind > 0);

  Host host(config);
  REQUIRE(world.settles({topic}, 60s));
  CHECK(host.leave() == 0);
  const auto wanted = reference(topic, world.read(topic));
  REQUIRE(wanted.effects.size() > 8700);
  CHECK(difference(world.effects(), wanted.effects) == "");
  CHECK(world.db().number("SELECT count(*) FROM processed_events") == 9000);
  CHECK(world.db().number("SELECT count(*) FROM processed_events WHERE state = 'done'") ==
        static_cast<long long>(wanted.effects.size()));

  // Each dead record has a letter at the step of its row; a kill between publishing and COMMIT may have left another.
  std::set<std::string> dead;
  for (const auto& letter : world.letters(topic)) {
    const auto id = letter.header("event-id").value();
    const auto step = world.db().value(
        "SELECT step FROM hostler_delegated WHERE state = 'dead' AND event_id = '" + id + "'");
    if (step == letter.header("hostler-step")) dead.insert(id);
  }
  CHECK(dead == wanted.dead);
  CHECK(world.db().number("SELECT count(*) FROM hostler_delegated") ==
        static_cast<long long>(wanted.dead.size()));
}
