// Where a new group begins, also when its first host dies before its first record.
#include "flow/host_fixture.h"
#include "support/catch.h"

using namespace hostler::flow;

namespace {

std::vector<KafkaRecord> numbered(const std::string& name, int count) {
  std::vector<KafkaRecord> records;
  for (int i = 0; i < count; ++i) records.push_back(event(name + "-" + std::to_string(i), "value"));
  return records;
}

long long named(World& world, const std::string& name) {
  return world.db().number("SELECT count(*) FROM effects WHERE event_id LIKE '" + name + "-%'");
}

} // namespace

TEST_CASE(
    "latest skips nothing that is produced after the group's first start, even when the host is killed "
    "before its first record") {
  World world;
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({world.handler({topic}).text("start", "latest")}, "latest",
                                   {{"session.timeout.ms", "1500"},
                                    {"heartbeat.interval.ms", "500"},
                                    {"topic.metadata.refresh.interval.ms", "1000"}});
  world.migrate(config);
  world.kafka().produce_all(topic, numbered("old", 50));
  {
    Host host(config);
    host.ready();
    host.kill_hard();
  }
  world.kafka().produce_all(topic, numbered("new", 50));
  world.kafka().add_partitions(
      topic, 4); // a partition that did not exist at the first start is read from its beginning
  world.kafka().produce_all(topic, [] {
    auto records = numbered("later", 20);
    for (auto& record : records) record.partition = 3;
    return records;
  }());
  Host host(config);
  CHECK(eventually(30s, [&] { return named(world, "new") >= 50 && named(world, "later") >= 20; }));
  CHECK(host.leave() == 0);
  CHECK(named(world, "new") == 50);
  CHECK(named(world, "later") == 20);
  CHECK(named(world, "old") == 0);
}

TEST_CASE("earliest reads everything") {
  World world;
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  world.kafka().produce_all(topic, numbered("old", 50));
  Host host(config);
  host.ready();
  world.kafka().produce_all(topic, numbered("new", 50));
  CHECK(eventually(20s, [&] { return world.effect_count() >= 100; }));
  CHECK(host.leave() == 0);
  CHECK(named(world, "old") == 50);
  CHECK(named(world, "new") == 50);
}
