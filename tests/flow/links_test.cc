// The links between a host and its servers end at any byte, whole or half, and are slow.
#include <random>

#include "flow/oracle.h"
#include "support/catch.h"
#include "support/private_server.h"
#include "support/tcp_proxy.h"

using namespace hostler::flow;

namespace {

// A host whose broker and database are behind proxies.
struct Linked {
  TcpProxy to_kafka;
  PostgresProxy to_postgres{postgres_url()};
  PrivateKafka kafka{{"listener=PROXIED:PLAINTEXT:" + std::to_string(to_kafka.port())}};
  World world{postgres_url(), kafka.url()};
  const std::string topic = world.topic("events", 2);
  std::filesystem::path config;

  explicit Linked(int count) {
    to_kafka.connect_to(kafka.url_of("PROXIED"));
    world.hosts_use("localhost:" + std::to_string(to_kafka.port()));
    world.hosts_settle_in(to_postgres.url("-csearch_path%3D" + world.schema()));
    auto handler = world.probe("probe.effects", {topic}).set("batch.max_records", "20").text("config.accounts", "yes");
    config = world.config({handler}, "linked", {{"session.timeout.ms", "6000"}, {"reconnect.backoff.ms", "20"}, {"reconnect.backoff.max.ms", "200"}});
    world.migrate(config);
    world.make_accounts();
    for (int i = 0; i < count; ++i) {
      const std::string id = "event-" + std::to_string(i);
      world.kafka().produce(topic, event(id, i % 6 == 1 ? "fail:" + std::to_string(2 + i % 4) + ":" + id : i % 25 == 3 ? "reject:" + id : id));
    }
    world.kafka().flush();
  }

  void must_be_settled_once(Host& host) {
    REQUIRE(world.settles({topic}, 90s));
    Case what;
    what.topics = {topic};
    what.accounts = true;
    const auto judged = judge(world, what);
    INFO(judged.text());
    CHECK(judged.effects > 100);
    CHECK(judged.good());
    CHECK(host.leave() == 0);
  }
};

}  // namespace

TEST_CASE("links to broker and database end at any byte, whole and half, and everything is there once") {
  Linked w(600);
  Host host(w.config);
  std::mt19937 random(1);
  int cuts = 0;
  for (const auto until = std::chrono::steady_clock::now() + 12s; std::chrono::steady_clock::now() < until;) {
    TcpProxy& links = random() % 2 == 0 ? w.to_kafka : w.to_postgres;
    links.cut_after(random() % 4000, random() % 2 == 0 ? TcpProxy::Way::to_server : TcpProxy::Way::to_client, random() % 2 == 0 ? TcpProxy::End::both : TcpProxy::End::one);
    cuts += eventually(1s, [&] { return !links.cut_is_due(); });
  }
  CHECK(cuts > 20);
  w.must_be_settled_once(host);
}

TEST_CASE("links that are slow cost time and nothing else") {
  Linked w(200);
  w.to_kafka.delay(60ms);
  w.to_postgres.delay(30ms);
  Host host(w.config);
  REQUIRE(eventually(30s, [&] { return w.world.effect_count() > 20; }));
  w.to_kafka.delay(0ms);
  w.to_postgres.delay(0ms);
  w.must_be_settled_once(host);
}
