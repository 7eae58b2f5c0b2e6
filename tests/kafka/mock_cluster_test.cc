// The demo's cluster: consumer, publisher and admin work on it without a broker.
#include "kafka/mock_cluster.h"

#include <set>

#include "kafka/publisher.h"
#include "member.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

void publish_numbers(const std::string& brokers, int count) {
  kafka::PublisherOptions publishing;
  publishing.brokers = brokers;
  kafka::KafkaPublisher publisher(publishing);
  REQUIRE(publisher.start());
  runtime::OutRecord record;
  record.topic = "events";
  record.partition = core::Partition{0};
  record.value = core::Bytes("value", 5);
  CHECK(publisher.publish(std::vector<runtime::OutRecord>(static_cast<std::size_t>(count), record)).empty());
}

}  // namespace

TEST_CASE("a commit that the group refuses as one of another generation is dropped, and what comes next is committed") {
  auto cluster = kafka::MockCluster::create();
  REQUIRE(cluster);
  REQUIRE((*cluster)->create_topic("events", 1));
  ConsumerOptions options;
  options.brokers = (*cluster)->bootstrap();
  options.group = "g";
  options.topics = {"events"};
  options.properties = kafka::MockCluster::consumer_properties();
  options.properties["session.timeout.ms"] = "4000";
  publish_numbers(options.brokers, 30);
  {
    Member member(options);
    member.start();
    REQUIRE(eventually(20s, [&] { return member.seen_count() >= 30; }));
    constexpr std::int16_t illegal_generation = 22;
    (*cluster)->fail(kafka::MockCluster::Request::offset_commit, illegal_generation, 1);
    publish_numbers(options.brokers, 30);
    REQUIRE(eventually(20s, [&] { return member.seen_count() >= 60; }));
    publish_numbers(options.brokers, 30);
    REQUIRE(eventually(30s, [&] { return member.seen_count() >= 90; }));
    const auto seen = member.offsets(0);
    CHECK(std::set<std::int64_t>(seen.begin(), seen.end()).size() == 90);  // no gap; the group may have had to join anew
  }
  Member next(options);
  next.start();
  publish_numbers(options.brokers, 1);
  REQUIRE(eventually(30s, [&] { return next.seen_count() >= 1; }));
  CHECK(next.offsets(0) == numbers(90, 91));
}

TEST_CASE("on the mock cluster records go in, come out and are committed") {
  auto cluster = kafka::MockCluster::create();
  REQUIRE(cluster);
  kafka::MockAdmin admin(**cluster);
  const std::vector<runtime::TopicSpec> specs = {{"events", 2, 1, {{"retention.ms", "1000"}}}};
  REQUIRE(admin.create(specs));
  CHECK((*admin.topic("events"))->partitions == 2);
  CHECK_FALSE((*admin.topic("other")).has_value());
  CHECK(admin.settings("events")->at("retention.ms") == "1000");

  kafka::PublisherOptions publishing;
  publishing.brokers = (*cluster)->bootstrap();
  kafka::KafkaPublisher publisher(publishing);
  REQUIRE(publisher.start());
  std::vector<runtime::OutRecord> records;
  for (int i = 0; i < 100; ++i) {
    runtime::OutRecord record;
    record.topic = "events";
    record.partition = core::Partition{i % 2};
    record.value = core::Bytes("value", 5);
    records.push_back(std::move(record));
  }
  CHECK(publisher.publish(records).empty());

  ConsumerOptions options;
  options.brokers = (*cluster)->bootstrap();
  options.group = "g";
  options.topics = {"events"};
  options.properties = kafka::MockCluster::consumer_properties();
  options.properties["session.timeout.ms"] = "4000";
  {
    Member member(options);
    member.start();
    REQUIRE(eventually(20s, [&] { return member.seen_count() >= 100; }));
    CHECK(member.offsets(0) == numbers(0, 50));
    CHECK(member.offsets(1) == numbers(0, 50));
  }
  // The next member goes on where the first one stopped.
  CHECK(publisher.publish({records.data(), 2}).empty());
  Member next(options);
  next.start();
  REQUIRE(eventually(20s, [&] { return next.seen_count() >= 2; }));
  CHECK(next.offsets(0) == numbers(50, 51));
  CHECK(next.offsets(1) == numbers(50, 51));
}
