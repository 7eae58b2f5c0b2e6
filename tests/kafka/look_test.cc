// What lies in topics and what groups have committed, seen from outside of a group.
#include "kafka/admin.h"
#include "kafka/group_admin.h"
#include "kafka/member.h"
#include "kafka/mock_cluster.h"
#include "kafka/record_reader.h"
#include "support/catch.h"
#include "support/kafka_client.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;
using runtime::LookAt;

namespace {

constexpr core::Millis patience{10'000};

kafka::AdminOptions options() {
  kafka::AdminOptions o;
  o.brokers = kafka_bootstrap();
  o.timeout = core::Millis(5'000);
  return o;
}

std::vector<runtime::PartitionLook> look(const std::vector<LookAt>& places) {
  auto found = kafka::look_into(options(), places, patience);
  if (!found) throw std::runtime_error(found.error().message);
  return std::move(*found);
}

}  // namespace

TEST_CASE("edges and single records of many partitions are looked at in one go") {
  KafkaClient client;
  const std::string topic = unique_prefix() + "t";
  client.create_topic(topic, 3, {{"retention.ms", "-1"}});
  client.produce(topic, {"key", "value", {{"a", "1"}, {"b", std::nullopt}}, 0, 1'700'000'000'123});
  client.produce(topic, {std::nullopt, std::nullopt, {}, 0, 1'700'000'000'456});
  client.produce(topic, {"k", "", {}, 1, 1'700'000'000'789});
  client.flush();
  const auto found = look({{{topic, {1}}, {0}}, {{topic, {0}}, {0}}, {{topic, {2}}, {0}}});
  REQUIRE(found.size() == 3);
  REQUIRE(found[0].record);
  CHECK(found[0].record->key == "k");
  CHECK(found[0].record->value == "");
  CHECK(found[0].high.value == 1);
  REQUIRE(found[1].record);
  CHECK(found[1].low.value == 0);
  CHECK(found[1].high.value == 2);
  CHECK(found[1].record->key == "key");
  CHECK(found[1].record->value == "value");
  CHECK(core::to_epoch_ms(found[1].record->timestamp) == 1'700'000'000'123);
  REQUIRE(found[1].record->headers.size() == 2);
  CHECK(found[1].record->headers[0].value == "1");
  CHECK_FALSE(found[1].record->headers[1].value);
  CHECK_FALSE(found[2].record);
  CHECK(found[2].high.value == 0);

  const auto second = look({{{topic, {0}}, {1}}});
  REQUIRE(second[0].record);
  CHECK_FALSE(second[0].record->key);
  CHECK_FALSE(second[0].record->value);
  for (const std::int64_t nowhere : {-1, 2, 1000}) CHECK_FALSE(look({{{topic, {0}}, {nowhere}}})[0].record);
  CHECK(look({}).empty());
}

TEST_CASE("a record in the middle of a compressed batch is found by its offset") {
  KafkaClient client;
  const std::string topic = unique_prefix() + "t";
  client.create_topic(topic, 1, {{"compression.type", "gzip"}});
  for (int i = 0; i < 500; ++i) client.produce(topic, {std::nullopt, std::string(200, 'x') + std::to_string(i), {}, 0});
  client.flush();
  for (const std::int64_t at : {0, 1, 250, 499}) {
    const auto found = look({{{topic, {0}}, {at}}});
    REQUIRE(found[0].record);
    CHECK(found[0].record->value == std::string(200, 'x') + std::to_string(at));
  }
}

TEST_CASE("a record that compaction removed is not there, nor taken for its neighbour") {
  KafkaClient client;
  const std::string topic = unique_prefix() + "t";
  client.create_topic(topic, 1, {{"cleanup.policy", "compact"}, {"segment.ms", "100"}, {"min.cleanable.dirty.ratio", "0.01"}, {"max.compaction.lag.ms", "100"}});
  REQUIRE(eventually(60s, [&] {
    client.produce_all(topic, {{"same", "old", {}, 0}});
    return !look({{{topic, {0}}, {0}}})[0].record;
  }));
  CHECK(look({{{topic, {0}}, {0}}})[0].low.value == 0);
}

TEST_CASE("a time finds the first record that is as late, or the end") {
  KafkaClient client;
  const std::string topic = unique_prefix() + "t";
  client.create_topic(topic, 2, {{"retention.ms", "-1"}});
  for (int i = 0; i < 5; ++i) client.produce(topic, {std::nullopt, "v", {}, 0, 1'700'000'000'000 + i * 1000});
  client.flush();
  const std::vector<core::TopicPartition> both{{topic, {0}}, {topic, {1}}};
  const auto at = [&](std::int64_t ms) {
    const auto found = kafka::offsets_at(options(), both, core::from_epoch_ms(ms), patience);
    if (!found) throw std::runtime_error(found.error().message);
    return std::pair((*found)[0].value, (*found)[1].value);
  };
  CHECK(at(0) == std::pair<std::int64_t, std::int64_t>(0, 0));
  CHECK(at(1'700'000'002'000) == std::pair<std::int64_t, std::int64_t>(2, 0));
  CHECK(at(1'700'000'002'001) == std::pair<std::int64_t, std::int64_t>(3, 0));
  CHECK(at(1'800'000'000'000) == std::pair<std::int64_t, std::int64_t>(5, 0));
}

TEST_CASE("a look at a topic that is missing, or with nobody answering, is an error in time") {
  const auto began = std::chrono::steady_clock::now();
  const std::vector<LookAt> missing{{{unique_prefix() + "missing", {0}}, {0}}};
  CHECK_FALSE(kafka::look_into(options(), missing, core::Millis(3'000)).ok());
  auto nobody = options();
  nobody.brokers = "127.0.0.1:1";
  const auto none = kafka::look_into(nobody, missing, core::Millis(2'000));
  REQUIRE_FALSE(none.ok());
  CHECK_THAT(none.error().message, contains("127.0.0.1:1"));
  CHECK(std::chrono::steady_clock::now() - began < 30s);
}

TEST_CASE("the mock cluster is looked into likewise") {
  const auto cluster = kafka::MockCluster::create();
  REQUIRE(cluster);
  kafka::MockAdmin admin(**cluster);
  REQUIRE((*cluster)->create_topic("t", 1));
  KafkaClient client((*cluster)->bootstrap());
  client.produce_all("t", {{"k", "v", {}, 0}, {"k", "w", {}, 0}});
  const std::vector<LookAt> second{{{"t", {0}}, {1}}};
  const auto found = admin.look_into(second, patience);
  if (!found) FAIL(found.error().message);
  CHECK((*found)[0].high.value == 2);
  REQUIRE((*found)[0].record);
  CHECK((*found)[0].record->value == "w");
}

TEST_CASE("a group's offsets are set from outside, but not while it has members") {
  KafkaClient client;
  const std::string topic = unique_prefix() + "t", group = topic + "-group";
  client.create_topic(topic, 2);
  const std::map<core::TopicPartition, core::Offset> wanted{{{topic, {0}}, {3}}, {{topic, {1}}, {4}}};
  const auto set = kafka::set_offsets(options(), group, wanted);
  if (!set) FAIL(set.error().message);
  CHECK(*set == kafka::OffsetsSet::done);
  CHECK(client.committed(group, topic) == std::map<std::int32_t, std::int64_t>{{0, 3}, {1, 4}});
  const auto seen = kafka::committed_offsets(options(), group);
  REQUIRE(seen);
  CHECK(*seen == wanted);
  CHECK(kafka::committed_offsets(options(), group + "-of-nobody")->empty());

  Member member(member_options(group, {topic}));
  member.start();
  REQUIRE(eventually(20s, [&] { return member.state().partitions.size() == 2; }));
  const auto refused = kafka::set_offsets(options(), group, {{{topic, {0}}, {0}}});
  if (!refused) FAIL(refused.error().message);
  CHECK(*refused == kafka::OffsetsSet::group_in_use);
  CHECK(client.committed(group, topic).at(0) == 3);
}
