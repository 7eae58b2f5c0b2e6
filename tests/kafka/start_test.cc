// Where a group starts, and who says so.
#include "member.h"

using namespace hostler;
using namespace hostler::testing;

TEST_CASE("a new group that starts earliest reads everything there is") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "t", 3);
  for (int p = 0; p < 3; ++p) produce_numbers(client, name + "t", 0, 50, p);
  auto options = member_options(name + "g", {name + "t"});
  options.lanes = 2;
  Member member(options);
  member.start();
  REQUIRE(eventually(20s, [&] { return member.seen_count() >= 150; }));
  for (int p = 0; p < 3; ++p) CHECK(member.offsets(p) == numbers(0, 50));
  CHECK(member.state().joined);
  CHECK(member.state().partitions.size() == 3);
  CHECK(member.state().waiting_for.empty());
}

TEST_CASE("a new group that starts latest commits that start before it reads, for partitions of other members too") {
  KafkaClient client;
  const std::string name = unique_prefix();
  const std::string topic = name + "t", group = name + "g";
  client.create_topic(topic, 4);
  for (int p = 0; p < 4; ++p) produce_numbers(client, topic, 0, 10 + p, p);
  auto options = member_options(group, {topic});
  options.start = core::Start::latest;
  Member one(options), two(options);
  one.start();
  two.start();
  REQUIRE(eventually(20s, [&] { return one.state().partitions.size() == 2 && two.state().partitions.size() == 2; }));
  CHECK(client.committed(group, topic) == std::map<std::int32_t, std::int64_t>{{0, 10}, {1, 11}, {2, 12}, {3, 13}});
  for (int p = 0; p < 4; ++p) produce_numbers(client, topic, 100, 105, p);
  REQUIRE(eventually(20s, [&] { return one.seen_count() + two.seen_count() >= 20; }));
  for (int p = 0; p < 4; ++p) {
    auto offsets = one.offsets(p), others = two.offsets(p);
    offsets.insert(offsets.end(), others.begin(), others.end());
    CHECK(offsets == numbers(10 + p, 15 + p));
  }
}

TEST_CASE("a member without partition 0 waits until its owner has committed where the group starts") {
  KafkaClient client;
  const std::string name = unique_prefix();
  const std::string topic = name + "t", group = name + "g";
  client.create_topic(topic, 2);
  for (int p = 0; p < 2; ++p) produce_numbers(client, topic, 0, 10, p);
  // The owner of partition 0 (the range assignor goes by member id, which begins with the client id) is a retry consumer:
  // it resolves nothing, and commits when the test lets it settle.
  auto options = member_options(group, {});
  options.client_id = "a";
  options.role = ConsumerOptions::Role::retry;
  options.tiers = {{topic, 0, core::Millis(0)}};
  Gate gate;
  std::atomic<bool> together{false};
  Member owner(options, [&](runtime::Source& source, core::Batch& batch) {
    if (!together) return source.give_back(batch, batch.records.front().delivered_offset, {});
    gate.pass();
    owner.note(batch);
    source.settled(batch, Member::end_of(batch));
  });
  options = member_options(group, {topic});
  options.client_id = "b";
  Member waiting(options);
  owner.start();
  REQUIRE(eventually(20s, [&] { return owner.state().partitions.size() == 2; }));  // or the other one, alone at first, owns partition 0
  waiting.start();
  REQUIRE(eventually(20s, [&] { return owner.state().partitions.size() == 1 && waiting.logged("waiting for the owner of " + topic + " [0]"); }));
  together = true;
  CHECK(stays(500ms, [&] { return waiting.seen_count() == 0; }));
  CHECK(waiting.assignments.asked() == 0);
  CHECK(waiting.state().waiting_for == "waiting for the owner of " + topic + " [0] to commit where the group starts");
  CHECK(client.committed(group, topic).empty());
  gate.open();
  REQUIRE(eventually(5s, [&] { return waiting.seen_count() >= 10; }));
  CHECK(waiting.offsets(1) == numbers(0, 10));
  CHECK(waiting.state().waiting_for.empty());
}

TEST_CASE("a partition added later starts at its beginning, also in a group that started latest") {
  KafkaClient client;
  const std::string name = unique_prefix();
  const std::string topic = name + "t", group = name + "g";
  client.create_topic(topic, 1);
  produce_numbers(client, topic, 0, 10);
  auto options = member_options(group, {topic});
  options.start = core::Start::latest;
  options.properties["topic.metadata.refresh.interval.ms"] = "500";
  Member member(options);
  member.start();
  REQUIRE(eventually(20s, [&] { return member.state().partitions.size() == 1; }));
  client.add_partitions(topic, 2);
  produce_numbers(client, topic, 0, 5, 1);
  REQUIRE(eventually(20s, [&] { return member.offsets(1).size() >= 5; }));
  CHECK(member.offsets(1) == numbers(0, 5));
  CHECK(member.offsets(0).empty());
}

TEST_CASE("an assignment that is refused is read once it is granted, and the group does not wait meanwhile") {
  KafkaClient client;
  const std::string name = unique_prefix();
  const std::string topic = name + "t", group = name + "g";
  client.create_topic(topic, 2);
  produce_numbers(client, topic, 0, 20, 0);
  produce_numbers(client, topic, 0, 20, 1);
  auto options = member_options(group, {topic});
  Member one(options), two(options);
  one.assignments.refuse(true);
  one.start();
  REQUIRE(eventually(20s, [&] { return one.assignments.asked() > 2; }));
  CHECK(one.seen_count() == 0);
  two.start();  // a rebalance in the middle of it
  REQUIRE(eventually(5s, [&] { return two.seen_count() >= 20; }));
  CHECK(one.seen_count() == 0);
  one.assignments.refuse(false);
  REQUIRE(eventually(10s, [&] { return one.seen_count() >= 20; }));
  CHECK(one.state().waiting_for.empty());
  CHECK(one.offsets(0).size() + two.offsets(0).size() == 20);
  CHECK(one.offsets(1).size() + two.offsets(1).size() == 20);
}

TEST_CASE("where the ledger's mark differs from Kafka's offset, the mark decides and is committed") {
  KafkaClient client;
  const std::string name = unique_prefix();
  const std::string topic = name + "t", group = name + "g";
  client.create_topic(topic, 2);
  for (int p = 0; p < 2; ++p) produce_numbers(client, topic, 0, 30, p);
  client.set_committed(group, topic, 0, 10);
  client.set_committed(group, topic, 1, 20);
  Member member(member_options(group, {topic}), [&](runtime::Source& source, core::Batch& batch) {
    CHECK(batch.mark != nullptr);
    CHECK(batch.mark->epoch == 7);
    member.note(batch);
    source.give_back(batch, batch.records.front().delivered_offset, std::chrono::steady_clock::now() + 1h);
  });
  member.assignments.set_mark({topic, {0}}, 15);
  member.assignments.set_mark({topic, {1}}, 5);
  member.start();
  REQUIRE(eventually(20s, [&] { return !member.offsets(0).empty() && !member.offsets(1).empty(); }));
  CHECK(member.offsets(0).front() == 15);
  CHECK(member.offsets(1).front() == 5);
  CHECK(member.assignments.starts_seen() == std::map<core::TopicPartition, core::Offset>{{{topic, {0}}, {10}}, {{topic, {1}}, {20}}});
  REQUIRE(eventually(5s, [&] { return client.committed(group, topic) == std::map<std::int32_t, std::int64_t>{{0, 15}, {1, 5}}; }));
}

TEST_CASE("an offset out of range holds its partition with one clear line, and the others go on") {
  KafkaClient client;
  const std::string name = unique_prefix();
  const std::string topic = name + "t", group = name + "g";
  client.create_topic(topic, 2);
  for (int p = 0; p < 2; ++p) produce_numbers(client, topic, 0, 10, p);
  client.set_committed(group, topic, 0, 5000);
  client.set_committed(group, topic, 1, 0);
  Member member(member_options(group, {topic}));
  member.start();
  REQUIRE(eventually(20s, [&] { return member.offsets(1).size() >= 10; }));
  REQUIRE(eventually(20s, [&] { return member.logged("the partition is held"); }));
  CHECK(member.offsets(0).empty());
  CHECK_THAT(member.state().waiting_for, contains(topic));
}
