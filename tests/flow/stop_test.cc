// Stopping ends within its deadline, whatever the host waits for.
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>

#include "flow/host_fixture.h"
#include "support/catch.h"
#include "support/http.h"
#include "support/private_server.h"
#include "support/wait.h"

using namespace hostler::testing;
using namespace hostler::flow;

namespace {

constexpr auto margin = 3s;

void drain_timeout(const std::filesystem::path& config, const std::string& time) {
  std::ifstream in(config);
  std::string text(std::istreambuf_iterator<char>(in), {});
  text.replace(text.find("[host]\n"), 7, "[host]\ndrain_timeout = \"" + time + "\"\n");
  std::ofstream(config) << text;
}

// The exit code says what the log says, and came in time.
void must_end(Host& host, std::chrono::milliseconds deadline) {
  const auto end = host.process().wait(deadline + margin);
  INFO(host.output());
  REQUIRE(end);
  const bool drained = host.lines_with("drained: nothing is in flight") == 1;
  CHECK(end->code == (drained ? 0 : 1));
  CHECK(drained == (host.lines_with("not drained after") == 0));
}

}  // namespace

TEST_CASE("a host that is told to stop while its broker says nothing ends within its deadline") {
  PrivateKafka kafka;
  World world(postgres_url(), kafka.url());
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic})});
  drain_timeout(config, "15s");
  world.migrate(config);
  Host host(config);
  host.ready();
  world.kafka().produce_all(topic, {event("one", "good")});
  REQUIRE(world.settles({topic}, 20s));
  kafka.freeze();
  host.process().kill(SIGTERM);
  must_end(host, 15s);
  kafka.thaw();
}

TEST_CASE("outputs that nobody waits for do not hold the end up beyond its deadline") {
  const bool frozen = GENERATE(true, false);
  INFO((frozen ? "frozen" : "killed"));
  PrivateKafka kafka;
  World world(postgres_url(), kafka.url());
  const std::string topic = world.topic();
  const auto config = world.config({world.probe("probe.bare", {topic}, world.topic("output")).text("config.wait", "no")});
  drain_timeout(config, "15s");
  Host host(config);
  host.ready();
  world.kafka().produce_all(topic, {event("one", "slow:2000:")});
  REQUIRE(eventually(20s, [&] { return world.deliveries().size() == 1; }));
  if (frozen) kafka.freeze();
  else kafka.kill();
  host.process().kill(SIGTERM);  // the record's output is published while the host drains
  must_end(host, 15s);
  if (frozen) kafka.thaw();
}

TEST_CASE("a host whose database says nothing stays up, says so, and ends when it is told to") {
  PrivatePostgres postgres;
  World world(postgres.url());
  const auto config = world.config({world.handler({world.topic()})});
  world.migrate(config);
  world.reconnect();
  postgres.freeze();
  Host host(config);
  CHECK(host.process().wait_for_output("the ledger cannot be reached", 20s));
  CHECK(stays(2s, [&] { return host.running(); }));
  host.process().kill(SIGTERM);
  must_end(host, 30s);
  postgres.thaw();
}

TEST_CASE("a start that fails ends within the deadline, too, and keeps its exit code") {
  World world;
  const auto config = world.config({world.handler({world.topic()}), world.probe("probe.lingers", {world.topic("other")}).text("name", "lingers").text("group", world.name("other"))});
  drain_timeout(config, "1s");
  Host host(config);  // nobody made the ledger's tables
  const auto end = host.process().wait(20s);
  INFO(host.output());
  REQUIRE(end);
  CHECK(end->code == 2);
  CHECK(host.lines_with("run `hostler ledger migrate") == 1);
  CHECK(host.lines_with("not drained after 1000 ms") == 1);
}

TEST_CASE("a start that fails listens to the one who has no patience") {
  World world;
  const auto config = world.config({world.probe("probe.lingers", {world.topic()}).text("idempotency", "event-id")});
  drain_timeout(config, "1d");
  Host host(config);
  REQUIRE(host.process().wait_for_output("run `hostler ledger migrate", 20s));
  CHECK(stays(500ms, [&] { return host.running(); }));
  host.process().kill(SIGTERM);
  const auto end = host.process().wait(5s);
  INFO(host.output());
  REQUIRE(end);
  CHECK(end->code == 2);
}
