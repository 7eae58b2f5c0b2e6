#include "kafka/admin.h"

#include "kafka/mock_cluster.h"
#include "support/catch.h"
#include "support/kafka_client.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

kafka::AdminOptions options() {
  kafka::AdminOptions o;
  o.brokers = kafka_bootstrap();
  return o;
}

}  // namespace

TEST_CASE("topics are created with their settings, at once usable, and described") {
  kafka::KafkaAdmin admin(options());
  REQUIRE(admin.start());
  const std::string name = unique_prefix() + "t";
  const runtime::TopicSpec spec{name, 3, -1, {{"retention.ms", "123456"}, {"cleanup.policy", "delete"}}};
  REQUIRE(admin.create({&spec, 1}));
  const auto topic = admin.topic(name);
  REQUIRE(topic);
  REQUIRE(topic->has_value());
  CHECK((*topic)->partitions == 3);
  CHECK((*topic)->replication == 1);
  const auto settings = admin.settings(name);
  REQUIRE(settings);
  CHECK(settings->at("retention.ms") == "123456");
  CHECK(settings->at("max.message.bytes") == "1048588");  // the broker's default counts too
  const auto all = admin.topics();
  REQUIRE(all);
  CHECK(std::any_of(all->begin(), all->end(), [&](const auto& t) { return t.name == name && t.partitions == 3; }));
}

TEST_CASE("creating an existing topic leaves it alone and is no error") {
  kafka::KafkaAdmin admin(options());
  REQUIRE(admin.start());
  const std::string name = unique_prefix();
  const std::vector<runtime::TopicSpec> first = {{name + "a", 2, -1, {}}};
  REQUIRE(admin.create(first));
  const std::vector<runtime::TopicSpec> both = {{name + "a", 5, -1, {}}, {name + "b", 1, -1, {}}};
  REQUIRE(admin.create(both));
  CHECK((*admin.topic(name + "a"))->partitions == 2);
  CHECK((*admin.topic(name + "b"))->partitions == 1);
}

TEST_CASE("looking at a topic that does not exist finds nothing and creates nothing") {
  kafka::KafkaAdmin admin(options());
  REQUIRE(admin.start());
  const std::string name = unique_prefix() + "missing";
  const auto topic = admin.topic(name);
  REQUIRE(topic);
  CHECK_FALSE(topic->has_value());
  CHECK_FALSE(admin.settings(name).ok());
  CHECK_FALSE(KafkaClient().has_topic(name));
}

TEST_CASE("a topic that the broker refuses is an error that names it") {
  kafka::KafkaAdmin admin(options());
  REQUIRE(admin.start());
  const runtime::TopicSpec spec{"bad name!", 1, -1, {}};
  const auto created = admin.create({&spec, 1});
  REQUIRE_FALSE(created.ok());
  CHECK_THAT(created.error().message, contains("bad name!"));
}

TEST_CASE("asking whether a topic could be created creates nothing") {
  kafka::KafkaAdmin admin(options());
  REQUIRE(admin.start());
  const std::string name = unique_prefix() + "asked";
  const runtime::TopicSpec spec{name, 3, -1, {{"retention.ms", "1000"}}};
  CHECK(admin.try_create({&spec, 1}));
  const runtime::TopicSpec copies{name, 1, 100, {}};
  const auto refused = admin.try_create({&copies, 1});
  REQUIRE_FALSE(refused.ok());
  CHECK_THAT(refused.error().message, contains(name) && contains("REPLICATION_FACTOR"));
  const runtime::TopicSpec wrong{name, 1, -1, {{"cleanup.policy", "burn"}}};
  CHECK_FALSE(admin.try_create({&wrong, 1}).ok());
  CHECK_FALSE(KafkaClient().has_topic(name));
}

TEST_CASE("a group's committed partitions are counted, none for a group that does not exist") {
  kafka::KafkaAdmin admin(options());
  REQUIRE(admin.start());
  const std::string name = unique_prefix() + "t";
  KafkaClient client;
  client.create_topic(name, 3);
  const auto none = admin.committed_partitions(name + "-group");
  REQUIRE(none);
  CHECK(*none == 0);
  client.set_committed(name + "-group", name, 0, 0);
  client.set_committed(name + "-group", name, 2, 0);
  const auto some = admin.committed_partitions(name + "-group");
  REQUIRE(some);
  CHECK(*some == 2);
}

// In a client without a group this answer ends the program, in every version of librdkafka so far.
TEST_CASE("a group whose coordinator moves meanwhile is asked again") {
  constexpr std::int16_t not_coordinator = 16;
  const auto cluster = kafka::MockCluster::create();
  REQUIRE(cluster);
  auto o = options();
  o.brokers = (*cluster)->bootstrap();
  kafka::KafkaAdmin admin(o);
  REQUIRE(admin.start());
  (*cluster)->fail(kafka::MockCluster::Request::offset_fetch, not_coordinator, 2);
  const auto none = admin.committed_partitions("g");
  if (!none) FAIL(none.error().message);
  CHECK(*none == 0);
}

TEST_CASE("the cluster tells its id") {
  kafka::KafkaAdmin admin(options());
  REQUIRE(admin.start());
  const auto id = admin.cluster_id();
  REQUIRE(id);
  CHECK_FALSE(id->empty());
}

TEST_CASE("with no broker there every question is an error within its time, and says where it asked") {
  auto o = options();
  o.brokers = "127.0.0.1:1";
  o.timeout = 300ms;
  kafka::KafkaAdmin admin(o);
  REQUIRE(admin.start());
  const auto all = admin.topics();
  REQUIRE_FALSE(all.ok());
  CHECK_THAT(all.error().message, contains("127.0.0.1:1"));
  CHECK_FALSE(admin.cluster_id().ok());
  const runtime::TopicSpec spec{"t", 1, -1, {}};
  CHECK_FALSE(admin.create({&spec, 1}).ok());
}
