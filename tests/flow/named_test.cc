// Clusters and ledgers by name, and the rate limit, in the real program.
#include <fstream>
#include <thread>

#include "flow/host_fixture.h"
#include "support/catch.h"
#include "support/file.h"

using namespace hostler::flow;

namespace {

std::vector<KafkaRecord> numbered(const std::string& name, int count) {
  std::vector<KafkaRecord> records;
  for (int i = 0; i < count; ++i) records.push_back(event(name + "-" + std::to_string(i), "value"));
  return records;
}

std::filesystem::path add(const std::filesystem::path& config, const std::string& text) {
  std::ofstream(config, std::ios::app) << text;
  return config;
}

} // namespace

TEST_CASE("a handler reads from the cluster and settles in the ledger that it names") {
  World world;
  const std::string topic = world.topic("events", 2);
  const std::string here = world.bootstrap();
  world.hosts_use("127.0.0.1:1"); // [kafka] is down: what works below does not go there
  const PostgresSchema second;
  const auto config = add(world.config({world.handler({topic}).text("cluster", "real").text("ledger", "second")}),
                          "[kafka.clusters.real]\nbrokers = [\"" + here + "\"]\n[ledgers.second]\nurl = " + toml_text(second.url()) + "\n");
  world.migrate(config);
  Postgres there = second.connect();
  there.exec("CREATE TABLE effects (LIKE " + world.schema() + ".effects INCLUDING DEFAULTS)");
  auto records = numbered("a", 20);
  records.push_back(event("twice", "fail:2")); // through a retry topic of that cluster
  world.kafka().produce_all(topic, records);
  {
    Host host(config);
    CHECK(eventually(60s, [&] { return there.number("SELECT count(*) FROM effects") >= 21; }));
    CHECK(host.leave() == 0);
  }
  CHECK(there.number("SELECT count(*) FROM effects") == 21);
  CHECK(there.number("SELECT count(*) FROM processed_events WHERE state = 'done'") == 21);
  CHECK(world.db().number("SELECT count(*) FROM processed_events") == 0);
  CHECK(world.kafka().lag(world.group(), topic) == 0);
}

TEST_CASE("a rate limit holds, and does not hold up the drain") {
  World world;
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({world.handler({topic}).set("rate_limit", "50").set("lanes", "2")});
  world.migrate(config);
  world.kafka().produce_all(topic, numbered("a", 300));
  {
    Host host(config);
    REQUIRE(eventually(60s, [&] { return world.effect_count() > 0; }));
    const auto begin = std::chrono::steady_clock::now();
    const long long before = world.effect_count();
    REQUIRE(eventually(60s, [&] { return world.effect_count() >= before + 100; }));
    CHECK(std::chrono::steady_clock::now() - begin > 1500ms); // 100 records at 50 a second
    CHECK(world.effect_count() < 300);
    const auto leaving = std::chrono::steady_clock::now();
    CHECK(host.leave() == 0);
    CHECK(std::chrono::steady_clock::now() - leaving < 5s);
  }
  const long long handled = world.effect_count();
  CHECK(handled < 300);
  Host again(config); // what was not handled comes later, nothing twice
  CHECK(eventually(60s, [&] { return world.effect_count() >= 300; }));
  CHECK(again.leave() == 0);
  CHECK(world.effect_count() == 300);
}

TEST_CASE("a drain ends after drain_timeout, and what was in flight comes again") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic}).text("timeout", "60s")});
  const std::string text = text_of(config);
  std::ofstream(config) << "[host]\ndrain_timeout = \"1s\"\n" << text.substr(text.find('\n') + 1);
  world.migrate(config);
  world.kafka().produce_all(topic, {event("quick", "value")});
  {
    Host host(config);
    REQUIRE(eventually(60s, [&] { return world.effect_count() == 1; }));
    world.kafka().produce_all(topic, {event("slow", "slow:15000:value")});
    std::this_thread::sleep_for(2s); // it is at work now
    const auto leaving = std::chrono::steady_clock::now();
    CHECK(host.leave() == 1);
    CHECK(std::chrono::steady_clock::now() - leaving < 5s);
    CHECK(host.output().find("not drained after 1000 ms ([host] drain_timeout)") != std::string::npos);
  }
  CHECK(world.effect_count() == 1);
  Host again(config);
  CHECK(eventually(60s, [&] { return world.effect_count() == 2; }));
}
