// effects = "kafka" on a real broker: whatever dies, fails or is held up, readers of committed records find each event's outcome once.
#include <librdkafka/rdkafka.h>

#include <csignal>
#include <thread>

#include "flow/transactions.h"
#include "support/catch.h"
#include "support/private_server.h"

using namespace hostler::flow;

namespace {

void must_be_right(TransactionWorld& w, std::size_t records = 300) {
  REQUIRE(w.settles());
  const auto found = w.judge();
  INFO(found.text());
  CHECK(found.records == records);
  CHECK(found.outputs > records * 3 / 4);
  CHECK(found.letters > 0);
  CHECK(found.good());
}

}  // namespace

TEST_CASE("transactions: each event is published once in order, or dead-lettered once, and retried copies run once") {
  TransactionWorld w;
  w.produce(300);
  Host host = w.host();
  must_be_right(w);
  CHECK(w.judge().aborted == 0);
  CHECK(host.leave() == 0);
  must_be_right(w);
}

namespace {

// Killed there, and again by its successor at another hit, then left alone.
void killed_at(const std::string& point, const std::vector<std::string>& hits) {
  TransactionWorld w;
  w.produce(300);
  for (const auto& hit : hits) {
    INFO(point << "@" << hit);
    Host host = w.host("fragile", point + "=kill@" + hit);
    REQUIRE(host.process().wait_for_output("failpoint " + point + ": kill", 40s));
    REQUIRE(eventually(10s, [&] { return !host.running(); }));
  }
  Host host = w.host();
  must_be_right(w);
  CHECK(host.leave() == 0);
}

void fails_at(const std::string& failpoints) {
  TransactionWorld w;
  w.produce(300);
  Host host = w.host("fragile", failpoints);
  must_be_right(w);
  CHECK(host.leave() == 0);
}

}  // namespace

TEST_CASE("transactions: killed before the handler is called") { killed_at("handle", {"1", "6"}); }
TEST_CASE("transactions: killed when the handler has returned") { killed_at("handled", {"2", "5"}); }
TEST_CASE("transactions: killed before publishing") { killed_at("publish", {"1", "4"}); }
TEST_CASE("transactions: killed while publishing, with some records on their way") { killed_at("produced", {"7", "31"}); }
TEST_CASE("transactions: killed after publishing, before the offset is in the transaction") { killed_at("published", {"1", "5"}); }
TEST_CASE("transactions: killed before the offset is sent") { killed_at("offsets", {"2", "7"}); }
TEST_CASE("transactions: killed with everything in the transaction, before the commit") { killed_at("commit", {"1", "8"}); }
TEST_CASE("transactions: killed after the commit") { killed_at("committed", {"1", "8"}); }
TEST_CASE("transactions: killed when retried records are released") { killed_at("release", {"1", "3"}); }
TEST_CASE("transactions: killed when partitions are assigned") { killed_at("assign", {"1", "2"}); }

TEST_CASE("transactions: acknowledgements lost before and after publishing, now and then") { fails_at("publish=error@1/5,published=error@1/4"); }
TEST_CASE("transactions: offsets refused and commits that fail, now and then") { fails_at("offsets=error@1/5,commit=error@1/5"); }
TEST_CASE("transactions: answers to commits lost, now and then") { fails_at("committed=error@1/3"); }

TEST_CASE("transactions: what is left open by a death is in the topic, and nobody sees it") {
  TransactionWorld w;
  w.produce(300);
  Host first = w.host("fragile", "commit=kill@3");
  REQUIRE(first.process().wait_for_output("failpoint commit: kill", 40s));
  const auto before = w.outputs();
  Host second = w.host();
  must_be_right(w);
  const auto found = w.judge();
  CHECK(found.aborted > 0);
  CHECK(found.outputs > before);
  CHECK(second.leave() == 0);
}

namespace {

// Stopped at `point` for longer than its session lasts: it comes back when another host has its partitions and has settled everything.
void stopped_at(const std::string& point) {
  TransactionWorld w;
  w.produce(300);
  const auto go = w.world.folder() / "go";
  Host first = w.host("first", point + "=block:" + go.string() + "@3");
  REQUIRE(first.process().wait_for_output("failpoint " + point + ": block", 20s));
  REQUIRE(kill(first.pid(), SIGSTOP) == 0);
  Host second = w.host("second");
  REQUIRE(w.settles());
  const auto before = w.judge();
  w.world.folder().write("go", "");
  REQUIRE(kill(first.pid(), SIGCONT) == 0);
  REQUIRE(eventually(20s, [&] { return w.world.kafka().group(w.world.group()).members == 2; }));
  must_be_right(w);
  CHECK(w.judge().outputs == before.outputs);
  CHECK(first.leave() == 0);
  CHECK(second.leave() == 0);
  must_be_right(w);
}

}  // namespace

TEST_CASE("transactions: a host stopped in its handler changes nothing when it wakes up") { stopped_at("handled"); }
TEST_CASE("transactions: a host stopped after publishing changes nothing when it wakes up") { stopped_at("published"); }
TEST_CASE("transactions: a host stopped before its offsets changes nothing when it wakes up") { stopped_at("offsets"); }
TEST_CASE("transactions: a host stopped before its commit changes nothing when it wakes up") { stopped_at("commit"); }
TEST_CASE("transactions: a host stopped after its commit changes nothing when it wakes up") { stopped_at("committed"); }

TEST_CASE("transactions: the group refuses the offsets of a former owner before the next one has done anything") {
  TransactionWorld w(1);
  w.produce_good(300);
  const auto go = w.world.folder() / "go", go_on = w.world.folder() / "go-on";
  Host first = w.host("first", "offsets=block:" + go.string() + "@3");
  REQUIRE(first.process().wait_for_output("failpoint offsets: block", 20s));
  REQUIRE(kill(first.pid(), SIGSTOP) == 0);
  Host second = w.host("second", "handle=block:" + go_on.string() + "@1");
  REQUIRE(second.process().wait_for_output("failpoint handle: block", 20s));
  const auto committed = w.world.kafka().committed(w.world.group(), w.topic);
  const auto outputs = w.outputs();
  w.world.folder().write("go", "");
  REQUIRE(kill(first.pid(), SIGCONT) == 0);
  CHECK(first.process().wait_for_output("waiting: transaction:", 20s));
  CHECK(stays(2s, [&] { return w.outputs() == outputs && w.world.kafka().committed(w.world.group(), w.topic) == committed; }));
  w.world.folder().write("go-on", "");
  REQUIRE(w.settles());
  const auto found = w.judge();
  INFO(found.text());
  CHECK(found.outputs == 300);
  CHECK(found.good());
  CHECK(first.leave() == 0);
  CHECK(second.leave() == 0);
}

namespace {

// A second host comes and goes three times while there is always something to do.
void hosts_join_and_leave(TransactionWorld& w) {
  Host first = w.host("first");
  first.ready();
  for (int round = 0; round < 3; ++round) {
    w.produce(100, "slow:10:");
    Host second = w.host("second");
    second.ready();
    w.produce(300, "slow:10:");
    const auto outputs = w.outputs();
    REQUIRE(eventually(30s, [&] { return w.outputs() > outputs + 50; }));
    CHECK(second.leave() == 0);
  }
  must_be_right(w, 1200);
  CHECK(first.leave() == 0);
}

}  // namespace

TEST_CASE("transactions: hosts join and leave under load") {
  TransactionWorld w(4);
  hosts_join_and_leave(w);
}

TEST_CASE("transactions: the same under cooperative-sticky, where the client can do it") {
  if (rd_kafka_version() < 0x020a00ff) return;  // refused, see group_test.cc
  TransactionWorld w(4);
  w.handler.text("assignment", "cooperative-sticky");
  hosts_join_and_leave(w);
}

TEST_CASE("transactions: the same in a group that the brokers divide (KIP-848), where the client can do it") {
  if (rd_kafka_version() < 0x020c00ff) return;  // refused likewise
  TransactionWorld w(4);
  w.handler.text("kafka.\"group.protocol\"", "consumer");
  hosts_join_and_leave(w);
}

TEST_CASE("transactions: killed in a revocation, when a second host joins") {
  TransactionWorld w;
  w.produce(300);
  Host first = w.host("fragile", "revoke=kill@1,handled=delay:30");
  REQUIRE(eventually(20s, [&] { return w.outputs() > 0; }));
  Host second = w.host("second");
  REQUIRE(first.process().wait_for_output("failpoint revoke: kill", 40s));
  must_be_right(w);
  CHECK(second.leave() == 0);
}

TEST_CASE("transactions: a revocation finishes what is in hand, and nothing is published twice") {
  TransactionWorld w;
  w.produce(300);
  const auto go = w.world.folder() / "go";
  Host first = w.host("first", "offsets=block:" + go.string() + "@4");
  REQUIRE(first.process().wait_for_output("failpoint offsets: block", 20s));
  const auto outputs = w.outputs();
  Host second = w.host("second");
  REQUIRE(eventually(20s, [&] { return w.world.kafka().group(w.world.group()).state == "PreparingRebalance"; }));
  w.world.folder().write("go", "");
  must_be_right(w);
  CHECK(w.outputs() > outputs);
  CHECK(first.lines_with("transaction:") == 0);  // it was committed, in the revocation
  CHECK(first.leave() == 0);
  CHECK(second.leave() == 0);
}

TEST_CASE("transactions: a static member that dies with everything in the transaction is back at once") {
  TransactionWorld w;
  w.produce(300);
  const auto config = w.world.config({w.handler.text("instance_id", "one")}, "static", {{"session.timeout.ms", "30000"}, {"heartbeat.interval.ms", "300"}});
  Host first(config, {{"HOSTLER_FAILPOINTS", "commit=kill@5"}}, HOSTLER_FAILPOINTS_BINARY);
  REQUIRE(first.process().wait_for_output("failpoint commit: kill", 40s));
  REQUIRE(eventually(10s, [&] { return !first.running(); }));
  Host second(config);
  must_be_right(w);
  CHECK(second.leave() == 0);
}

namespace {

// Held up with a transaction open, while `happens` to the brokers.
template <class What>
void in_mid_transaction(const std::string& point, What happens) {
  PrivateKafka broker;
  TransactionWorld w(2, broker.url());
  w.produce(300);
  const auto go = w.world.folder() / "go";
  Host host = w.host("host", point + "=block:" + go.string() + "@4");
  REQUIRE(host.process().wait_for_output("failpoint " + point + ": block", 30s));
  happens(broker, [&] { w.world.folder().write("go", ""); });
  must_be_right(w);
  CHECK(host.leave() == 0);
}

// For longer than a call of the client is waited for.
void frozen_at(const std::string& point) {
  in_mid_transaction(point, [](PrivateKafka& broker, const auto& go_on) {
    broker.freeze();
    go_on();
    std::this_thread::sleep_for(13s);  // a broker that is silent gives no sign to wait for
    broker.thaw();
  });
}

}  // namespace

TEST_CASE("transactions: the broker dies when records are published") {
  in_mid_transaction("published", [](PrivateKafka& broker, const auto& go_on) {
    broker.kill();
    go_on();
    broker.start();
  });
}

TEST_CASE("transactions: the broker dies when everything is in the transaction") {
  in_mid_transaction("commit", [](PrivateKafka& broker, const auto& go_on) {
    broker.kill();
    go_on();
    broker.start();
  });
}

TEST_CASE("transactions: a broker that is silent when offsets are sent") { frozen_at("offsets"); }
TEST_CASE("transactions: a broker that is silent when a transaction is committed") { frozen_at("commit"); }

TEST_CASE("transactions: the broker dies under load, again and again") {
  PrivateKafka broker;
  TransactionWorld w(2, broker.url());
  Host host = w.host();
  host.ready();
  for (int round = 0; round < 3; ++round) {
    w.produce(100, "slow:5:");
    const auto outputs = w.outputs();
    REQUIRE(eventually(60s, [&] { return w.outputs() > outputs + 20; }));
    broker.kill();
    broker.start();
  }
  must_be_right(w);
  CHECK(host.leave() == 0);
}
