// Offsets: coalesced while running, complete at the end.
#include "member.h"

using namespace hostler;
using namespace hostler::testing;

TEST_CASE("settled offsets are committed soon, without stopping") {
  KafkaClient client;
  const std::string name = unique_prefix();
  const std::string topic = name + "t", group = name + "g";
  client.create_topic(topic, 2);
  Member member(member_options(group, {topic}));
  member.start();
  REQUIRE(eventually(20s, [&] { return member.state().partitions.size() == 2; }));
  for (int round = 1; round <= 3; ++round) {
    produce_numbers(client, topic, 0, 10, 0);
    produce_numbers(client, topic, 0, 20, 1);
    REQUIRE(eventually(2s, [&] {
      return client.committed(group, topic) == std::map<std::int32_t, std::int64_t>{{0, 10 * round}, {1, 20 * round}};
    }));
  }
}

TEST_CASE("commits are coalesced: a thousand settlements make a handful of commits") {
  KafkaClient client;
  const std::string name = unique_prefix();
  const std::string topic = name + "t", group = name + "g";
  client.create_topic(topic, 1);
  produce_numbers(client, topic, 0, 1000);
  auto options = member_options(group, {topic});
  options.commit_interval = 300ms;
  Member member(options);
  member.max_records = 1;
  const std::int64_t before = client.count("__consumer_offsets");
  member.start();
  REQUIRE(eventually(20s, [&] { return client.committed(group, topic) == std::map<std::int32_t, std::int64_t>{{0, 1000}}; }));
  // Each commit is a record of the offsets topic; other tests may write there as well.
  const std::int64_t written = client.count("__consumer_offsets") - before;
  CHECK(written < 200);
}

TEST_CASE("what is settled just before the end is committed at close") {
  KafkaClient client;
  const std::string name = unique_prefix();
  const std::string topic = name + "t", group = name + "g";
  client.create_topic(topic, 1);
  produce_numbers(client, topic, 0, 77);
  auto options = member_options(group, {topic});
  options.commit_interval = 1h;
  Member member(options);
  member.start();
  REQUIRE(eventually(20s, [&] { return member.seen_count() == 77; }));
  member.stop();
  CHECK(client.committed(group, topic) == std::map<std::int32_t, std::int64_t>{{0, 77}});
  CHECK(client.group(group).members == 0);
  CHECK(member.assignments.revoked_count() == 1);
  CHECK(member.assignments.lost_count() == 0);
}

TEST_CASE("what lies below the place where a batch was given back is committed, the rest comes again to the next member") {
  KafkaClient client;
  const std::string name = unique_prefix();
  const std::string topic = name + "t", group = name + "g";
  client.create_topic(topic, 1);
  produce_numbers(client, topic, 0, 30);
  {
    Member member(member_options(group, {topic}), [&](runtime::Source& source, core::Batch& batch) {
      member.note(batch);
      source.give_back(batch, core::Offset{12}, std::chrono::steady_clock::now() + 1h);
    });
    member.start();
    REQUIRE(eventually(20s, [&] { return member.seen_count() == 30; }));
  }
  CHECK(client.committed(group, topic) == std::map<std::int32_t, std::int64_t>{{0, 12}});
  Member next(member_options(group, {topic}));
  next.start();
  REQUIRE(eventually(20s, [&] { return next.seen_count() == 18; }));
  CHECK(next.offsets() == numbers(12, 30));
}

TEST_CASE("draining: a lane that waits in poll comes back at once, and can still settle what it holds") {
  KafkaClient client;
  const std::string name = unique_prefix();
  const std::string topic = name + "t", group = name + "g";
  client.create_topic(topic, 1);
  produce_numbers(client, topic, 0, 10);
  ScriptedAssignments assignments;
  auto options = member_options(group, {topic});
  options.assignments = &assignments;
  kafka::KafkaConsumer consumer(options);
  REQUIRE(consumer.start());
  auto& source = consumer.source(0);
  core::Batch batch;
  REQUIRE(source.poll(batch, 100, 0ms, 20s));
  CHECK_FALSE(source.draining());
  core::Batch second;
  std::thread drain([&] { consumer.drain(); });
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(source.poll(second, 100, 0ms, 20s));
  CHECK(std::chrono::steady_clock::now() - begin < 5s);
  drain.join();
  CHECK(source.draining());
  CHECK(source.owns(batch));
  source.settled(batch, Member::end_of(batch));
  consumer.close();
  CHECK_FALSE(source.owns(batch));
  CHECK(client.committed(group, topic) == std::map<std::int32_t, std::int64_t>{{0, 10}});
  CHECK(batch.records.front().value.view() == "0");  // its bytes outlive the membership
}
