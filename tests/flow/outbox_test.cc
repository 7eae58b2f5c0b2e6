// publish = "outbox": a message leaves if and only if its record's effects are committed, in the order of the commits, and a repeat after a
// death keeps its id.
#include <nlohmann/json.hpp>

#include "flow/host_fixture.h"
#include "support/catch.h"
#include "support/http.h"

using namespace hostler::flow;

namespace {

const std::map<std::string, std::string> quick_session = {{"session.timeout.ms", "1200"}, {"heartbeat.interval.ms", "300"}};

struct Setup {
  World world;
  const std::string topic = world.topic("events", 2), output = world.topic("output", 1);
  std::filesystem::path config, other;  // for two hosts

  explicit Setup(const std::string& output_topic = "", const std::string& ledger = "", const std::string& output_key = "") {
    if (!ledger.empty()) world.hosts_settle_in(ledger);
    auto handler = world.probe("probe.bare", {topic}, output_topic.empty() ? output : output_topic);
    if (!output_key.empty()) handler.text("config.output_key", output_key);
    handler.text("idempotency", "event-id").text("publish", "outbox").set("batch.max_records", "20").set("retry.delays", R"(["1s", "2s"])");
    config = world.config({handler}, "outbox", quick_session);
    other = world.config({handler}, "other", quick_session);
    const auto done = run({HOSTLER_BINARY, "ledger", "migrate", "--config", config.string()});
    if (done.status.code != 0) throw std::runtime_error(done.output);
  }
  void produce(int count) {
    for (int i = 0; i < count; ++i) {
      std::string value = "value " + std::to_string(i);
      if (i % 10 == 3) value = "fail:2:" + value;
      if (i % 25 == 4) value = "reject:" + value;
      auto record = event("event-" + std::to_string(i), value);
      record.key = "user-" + std::to_string(i % 7);
      world.kafka().produce(topic, record);
    }
    world.kafka().flush();
  }
  bool relayed() { return world.settled({topic}) && world.db().number("SELECT count(*) FROM hostler_outbox") == 0; }
};

// That does not shrink when it is compressed.
std::string noise(std::size_t size, std::uint32_t seed = 1) {
  std::string out;
  for (std::uint32_t x = seed * 2654435761U; out.size() < size;) out += static_cast<char>((x = x * 1664525U + 1013904223U) >> 24U);
  return out;
}

// What came out: per message id once, and how often it was repeated.
struct Came {
  std::map<std::string, std::string> by_id;  // output id: event id
  std::size_t repeats = 0;
  std::multiset<std::string> events;
  bool in_order = true;
};

// Messages of records that were not retried must be in the records' order.
Came came(Setup& s, const std::string& output) {
  Came out;
  std::map<std::string, std::int64_t> last;  // by origin: topic/generation/partition
  for (const auto& message : s.world.read(output)) {
    const auto id = message.header("hostler-output-id").value();
    const auto [known, fresh] = out.by_id.emplace(id, message.key.value());
    if (!fresh) {
      ++out.repeats;
      continue;
    }
    out.events.insert(message.key.value());
    const auto end = id.rfind('/'), start = id.rfind('/', end - 1);
    const auto offset = std::stoll(id.substr(start + 1, end - start - 1));
    if (message.value->starts_with("fail:")) continue;
    auto& before = last.try_emplace(id.substr(0, start), -1).first->second;
    out.in_order &= offset > before;
    before = offset;
  }
  return out;
}

std::multiset<std::string> wanted(Setup& s) {
  std::multiset<std::string> out;
  for (const auto& effect : reference(s.topic, s.world.read(s.topic), 2).effects) out.insert(effect.event_id);
  return out;
}

void killed_at(const std::string& point, const std::vector<std::string>& hits) {
  Setup s;
  s.produce(300);
  for (const auto& hit : hits) {
    Host host(s.config, {{"HOSTLER_FAILPOINTS", point + "=kill@" + hit}}, HOSTLER_FAILPOINTS_BINARY);
    REQUIRE(host.process().wait_for_output("failpoint " + point + ": kill", 40s));
    REQUIRE(eventually(10s, [&] { return !host.running(); }));
  }
  Host host(s.config);
  REQUIRE(eventually(60s, [&] { return s.relayed(); }));
  const auto out = came(s, s.output);
  CHECK(out.events == wanted(s));
  CHECK(out.in_order);
  CHECK(host.leave() == 0);
}

}  // namespace

TEST_CASE("outbox: each good record's message comes out once and in order, and nothing of a dead one") {
  Setup s;
  Host host(s.config);
  s.produce(500);
  REQUIRE(eventually(60s, [&] { return s.relayed(); }));
  const auto out = came(s, s.output);
  CHECK(out.events == wanted(s));
  CHECK(out.in_order);
  CHECK(out.repeats == 0);
  CHECK(s.world.letters(s.topic).size() == 20);
  const auto health = nlohmann::json::parse(http_get(host.port(), "/health").body);
  CHECK(health["handlers"][0]["outbox"]["failed"] == 0);
  CHECK(host.leave() == 0);
}

TEST_CASE("outbox: the same on SQLite") {
  TempDir folder;
  Setup s("", "sqlite://" + (folder / "ledger.db").string());
  s.produce(200);
  Host host(s.config);
  const auto expected = wanted(s);
  REQUIRE(eventually(60s, [&] { return came(s, s.output).events == expected; }));
  CHECK(came(s, s.output).in_order);
  CHECK(host.leave() == 0);
}

TEST_CASE("outbox: killed between the records' COMMIT and the relay") { killed_at("relay", {"1", "3"}); }
TEST_CASE("outbox: killed when messages are published, before their rows are gone") { killed_at("relayed", {"1", "3"}); }
TEST_CASE("outbox: killed before the records' COMMIT, and after it") {
  killed_at("commit", {"4"});
  killed_at("committed", {"4"});
}

TEST_CASE("outbox: what a host left behind is relayed by the next owner of its partition, with two hosts at work") {
  Setup s;
  s.produce(400);
  Host first(s.config), second(s.other);
  REQUIRE(eventually(40s, [&] { return s.world.kafka().count(s.output) > 50; }));
  first.kill_hard();
  REQUIRE(eventually(60s, [&] { return s.relayed(); }));
  const auto out = came(s, s.output);
  CHECK(out.events == wanted(s));
  CHECK(out.in_order);
  CHECK(second.leave() == 0);
}

TEST_CASE("outbox: a topic that is missing keeps messages waiting, not records, and they come when it is there") {
  Setup s("no-such-topic-" + unique_prefix());
  World& world = s.world;
  s.produce(50);
  Host host(s.config);
  REQUIRE(host.process().wait_for_output("its messages wait in the outbox", 60s));
  REQUIRE(world.settles({s.topic}, 40s));
  const auto waiting = world.db().number("SELECT count(*) FROM hostler_outbox");
  CHECK(waiting == static_cast<long long>(wanted(s).size()));
  const auto missing = world.db().value("SELECT to_topic FROM hostler_outbox LIMIT 1");
  REQUIRE(eventually(10s, [&] { return http_get(host.port(), "/metrics").body.find("hostler_outbox_pending{handler=\"effects\"} " + std::to_string(waiting)) != std::string::npos; }));
  world.kafka().create_topic(missing, 1);
  REQUIRE(eventually(60s, [&] { return s.relayed(); }));
  CHECK(came(s, missing).events == wanted(s));
  CHECK(host.leave() == 0);
}

// A request of the client's usual size is more than this topic takes, a smaller one behind it is not: whoever sends all at once sends the first ones
// again behind the last.
TEST_CASE("outbox: messages of one key keep their order where the brokers refuse some of them") {
  Setup s("later-" + unique_prefix(), "", "record");
  std::map<std::string, std::vector<std::string>> expected;
  for (int i = 0; i < 250; ++i) {
    const std::string key = "user-" + std::to_string(i % 5), number = std::to_string(1000 + i);
    auto record = event("event-" + number, number + noise(5000, static_cast<std::uint32_t>(i)));
    record.key = key;
    record.partition = 0;
    s.world.kafka().produce(s.topic, record);
    expected[key].push_back(number);
  }
  s.world.kafka().flush();
  Host host(s.config);
  REQUIRE(eventually(40s, [&] { return s.world.db().number("SELECT count(*) FROM hostler_outbox") == 250; }));
  const auto target = s.world.db().value("SELECT to_topic FROM hostler_outbox LIMIT 1");
  s.world.kafka().create_topic(target, 1, {{"max.message.bytes", "600000"}});
  REQUIRE(eventually(60s, [&] { return s.relayed(); }));
  CHECK(host.leave() == 0);
  std::map<std::string, std::vector<std::string>> got;
  std::set<std::string> ids;
  for (const auto& message : s.world.read(target))
    if (ids.insert(message.header("hostler-output-id").value()).second) got[message.key.value()].push_back(message.value->substr(0, 4));
  CHECK(got == expected);
}

TEST_CASE("outbox: what was committed before its topic was adopted is published by the new generation's owner") {
  Setup s("later-" + unique_prefix());  // does not exist yet: messages wait
  s.world.kafka().produce(s.topic, event("old", "good"));
  s.world.kafka().flush();
  {
    Host host(s.config);
    REQUIRE(eventually(40s, [&] { return s.world.db().number("SELECT count(*) FROM hostler_outbox") == 1; }));
    REQUIRE(s.world.settles({s.topic}, 20s));
    CHECK(host.leave() == 0);
  }
  const auto target = s.world.db().value("SELECT to_topic FROM hostler_outbox");
  s.world.kafka().delete_topic(s.topic);
  REQUIRE(eventually(20s, [&] { return !s.world.kafka().has_topic(s.topic); }));
  s.world.kafka().create_topic(s.topic, 2);
  s.world.kafka().create_topic(target, 1);
  const auto adopted = run({HOSTLER_BINARY, "offsets", "adopt", "--handler", "effects", "--topic", s.topic, "--yes", "--config", s.config.string()});
  INFO(adopted.output);
  REQUIRE(adopted.status.code == 0);
  CHECK(s.world.db().number("SELECT max(topic_id) FROM hostler_mark") == 2);
  Host host(s.config);
  REQUIRE(eventually(40s, [&] { return s.world.db().number("SELECT count(*) FROM hostler_outbox") == 0; }));
  CHECK(came(s, target).events == std::multiset<std::string>{"old"});
  CHECK(host.leave() == 0);
}

TEST_CASE("outbox: a message that fits no topic is put aside, and the others go on") {
  Setup s;
  s.world.kafka().create_topic(s.world.name("small"), 1, {{"max.message.bytes", "2000"}});
  Setup small(s.world.name("small"));
  const auto big = event("big", noise(5000));
  small.world.kafka().produce_all(small.topic, {event("before", "good"), big, event("after", "good")});
  Host host(small.config);
  REQUIRE(eventually(60s, [&] { return s.world.kafka().count(s.world.name("small")) == 2; }));
  CHECK(small.world.db().value("SELECT count(*) FROM hostler_outbox WHERE failure IS NOT NULL") == "1");
  CHECK(eventually(10s, [&] { return http_get(host.port(), "/health").body.find("can never be published") != std::string::npos; }));
  CHECK(host.leave() == 0);
}
