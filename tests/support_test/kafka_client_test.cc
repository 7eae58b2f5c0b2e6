// tests/support on itself: the Kafka client on a real broker.
#include "support/kafka_client.h"

#include <algorithm>
#include <chrono>

#include "support/catch.h"
#include "support/private_server.h"
#include "support/wait.h"

using namespace hostler::testing;

TEST_CASE("records come back byte for byte, null apart from empty") {
  KafkaClient kafka;
  const std::string topic = unique_prefix() + "bytes";
  kafka.create_topic(topic, 2);
  const std::string odd("\0\xff\xfe zero and no utf-8", 21);
  kafka.produce_all(
      topic,
      {{.key = "k", .value = odd, .headers = {{"h", odd}, {"h", std::nullopt}, {"e", ""}}, .partition = 1},
       {.key = std::nullopt, .value = std::nullopt, .partition = 1},
       {.key = "", .value = "", .partition = 0}});
  const auto records = kafka.read(topic);
  REQUIRE(records.size() == 3);
  CHECK(records[0].key == "");
  CHECK(records[0].value == "");
  CHECK(records[1].value == odd);
  CHECK(records[1].headers == std::vector<Header>{{"h", odd}, {"h", std::nullopt}, {"e", ""}});
  CHECK(records[1].header("e") == "");
  CHECK(records[1].header("h") == std::nullopt);
  CHECK(records[1].partition == 1);
  CHECK(records[2].key == std::nullopt);
  CHECK(records[2].value == std::nullopt);
  CHECK(records[2].offset == 1);
}

TEST_CASE("a record of 1 MB and many records") {
  KafkaClient kafka;
  const std::string topic = unique_prefix() + "large";
  kafka.create_topic(topic, 3, {{"max.message.bytes", "2000000"}});
  const std::string large(1'000'000, 'x');
  kafka.produce(topic, {.key = std::nullopt, .value = large, .partition = 0});
  for (int i = 0; i < 20'000; ++i) kafka.produce(topic, {.key = std::to_string(i), .value = "v"});
  kafka.flush();
  CHECK(kafka.count(topic) == 20'001);
  const auto records = kafka.read(topic);
  REQUIRE(records.size() == 20'001);
  CHECK(std::count_if(records.begin(), records.end(), [&](const auto& r) { return r.value == large; }) == 1);
}

TEST_CASE("a record stamped 60 days ago can be produced and kept") {
  KafkaClient kafka;
  const std::string topic = unique_prefix() + "old";
  kafka.create_topic(topic, 1, {{"retention.ms", "-1"}});
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const auto then = (now - std::chrono::hours(24 * 60)).count();
  kafka.produce_all(topic, {{.key = std::nullopt, .value = "old", .timestamp_ms = then}});
  CHECK(stays(2500ms, [&] { return kafka.count(topic) == 1; }));
  CHECK(kafka.read(topic).at(0).timestamp_ms == then);
}

TEST_CASE("retention is enforced within seconds where it applies") {
  KafkaClient kafka;
  const std::string topic = unique_prefix() + "expires";
  kafka.create_topic(topic, 1, {{"retention.ms", "60000"}});
  kafka.produce_all(topic, {{.key = std::nullopt, .value = "old", .timestamp_ms = 1'600'000'000'000}});
  CHECK(eventually(20s, [&] { return kafka.count(topic) == 0; }));
}

TEST_CASE("topics are made, seen, widened, described and deleted") {
  KafkaClient kafka;
  const std::string prefix = unique_prefix();
  kafka.create_topic(prefix + "a", 2, {{"retention.ms", "123456"}});
  kafka.create_topic(prefix + "b");
  CHECK(kafka.topics(prefix) == std::vector<std::string>{prefix + "a", prefix + "b"});
  CHECK(kafka.topic_config(prefix + "a").at("retention.ms") == "123456");
  CHECK(kafka.partitions(prefix + "a") == 2);
  kafka.add_partitions(prefix + "a", 4);
  CHECK(kafka.partitions(prefix + "a") == 4);
  kafka.delete_topic(prefix + "a");
  CHECK_FALSE(kafka.has_topic(prefix + "a"));
  CHECK_THROWS_WITH(kafka.create_topic(prefix + "b"), contains("already exists"));
}

TEST_CASE("what cannot be delivered is an error, not silence") {
  KafkaClient kafka;
  const std::string topic = unique_prefix() + "small";
  kafka.create_topic(topic, 1, {{"max.message.bytes", "1000"}});
  kafka.produce(topic, {.key = std::nullopt, .value = std::string(5000, 'x')});
  CHECK_THROWS_WITH(kafka.flush(), contains("too large"));
}

TEST_CASE("group offsets are set, read and counted against the topic") {
  KafkaClient kafka;
  const std::string topic = unique_prefix() + "lag";
  const std::string group = topic + "-group";
  kafka.create_topic(topic, 2);
  kafka.produce_all(topic, {{.key = std::nullopt, .value = "1", .partition = 0},
                            {.key = std::nullopt, .value = "2", .partition = 0},
                            {.key = std::nullopt, .value = "3", .partition = 1}});
  CHECK(kafka.committed(group, topic).empty());
  CHECK(kafka.lag(group, topic) == 3);
  kafka.set_committed(group, topic, 0, 1);
  CHECK(kafka.committed(group, topic) == std::map<std::int32_t, std::int64_t>{{0, 1}});
  CHECK(kafka.lag(group, topic) == 2);
  CHECK(kafka.group(group).state == "Empty");
  CHECK(kafka.group(group).members == 0);
}

TEST_CASE("a private broker keeps its records over a kill") {
  PrivateKafka server({"num.partitions=3"});
  {
    KafkaClient kafka(server.url());
    kafka.create_topic("kept");
    kafka.produce_all("kept", {{.key = std::nullopt, .value = "1"}});
  }
  server.kill();
  server.start();
  KafkaClient kafka(server.url());
  REQUIRE(eventually(20s, [&] { return kafka.partitions("kept") == 1; }));
  CHECK(kafka.read("kept").size() == 1);
}
