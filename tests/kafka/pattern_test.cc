#include "kafka/topic_pattern.h"

#include "member.h"

using namespace hostler;
using namespace hostler::testing;

TEST_CASE("a pattern becomes an anchored regular expression") {
  CHECK(kafka::to_regex("chat.messages.*") == "^chat\\.messages\\..*$");
  CHECK(kafka::to_regex("a-b_c.D9") == "^a-b_c\\.D9$");
  CHECK(kafka::to_regex("^already[0-9]") == "^already[0-9]");
  CHECK(kafka::is_pattern("a.*"));
  CHECK_FALSE(kafka::is_pattern("a.b"));
}

TEST_CASE("a pattern matches what it says") {
  CHECK(kafka::matches("chat.*", "chat.messages"));
  CHECK(kafka::matches("*.retry.*", "chat.g.retry.1m"));
  CHECK(kafka::matches("*", ""));
  CHECK(kafka::matches("a*b*c", "aXbbXc"));
  CHECK(kafka::matches("plain", "plain"));
  CHECK_FALSE(kafka::matches("chat.*", "chats.messages"));
  CHECK_FALSE(kafka::matches("*.retry.*", "chat.retry"));
  CHECK_FALSE(kafka::matches("a*b", "ab.c"));
  CHECK_FALSE(kafka::matches("plain", "plain2"));
}

TEST_CASE("a pattern reads matching topics, also those that appear later, and never a derived topic") {
  KafkaClient client;
  const std::string name = unique_prefix();
  for (const char* topic : {"chat.a", "chat.a.g.retry.1m", "chat.a.g.dlq", "other"}) {
    client.create_topic(name + topic);
    produce_numbers(client, name + topic, 0, 5);
  }
  auto options = member_options(name + "g", {name + "chat.*"});
  options.excluded = {"*.retry.*", "^.*\\.dlq$"};
  options.properties["topic.metadata.refresh.interval.ms"] = "300";
  Member member(options);
  member.start();
  REQUIRE(eventually(20s, [&] { return member.seen_count() >= 5; }));
  for (const char* topic : {"chat.b", "chat.b.g.retry.1m", "chat.b.g.dlq"}) {
    client.create_topic(name + topic);
    produce_numbers(client, name + topic, 0, 5);
  }
  REQUIRE(eventually(20s, [&] { return member.seen_count() >= 10; }));
  CHECK(stays(1s, [&] { return member.seen_count() == 10; }));
  std::set<std::string> topics;
  for (const auto& r : member.seen()) topics.insert(r.where.topic);
  CHECK(topics == std::set<std::string>{name + "chat.a", name + "chat.b"});
}

TEST_CASE("a property that the client refuses is named when the consumer starts") {
  auto options = member_options("g", {"t"});
  options.properties["sesion.timeout.ms"] = "1";
  ScriptedAssignments assignments;
  options.assignments = &assignments;
  kafka::KafkaConsumer consumer(options);
  const auto started = consumer.start();
  REQUIRE_FALSE(started.ok());
  CHECK_THAT(started.error().message, contains("sesion.timeout.ms"));
}

TEST_CASE("properties that correctness stands on are not the user's to change") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "t");
  produce_numbers(client, name + "t", 0, 10);
  auto options = member_options(name + "g", {name + "t"});
  options.properties["enable.auto.commit"] = "true";
  options.properties["auto.commit.interval.ms"] = "100";
  options.properties["enable.auto.offset.store"] = "true";
  options.properties["group.id"] = "somebody-else";
  Member member(options, [&](runtime::Source& source, core::Batch& batch) {
    member.note(batch);
    source.give_back(batch, batch.records.front().delivered_offset, std::chrono::steady_clock::now() + 1h);
  });
  member.start();
  REQUIRE(eventually(20s, [&] { return member.seen_count() == 10; }));
  CHECK(stays(500ms, [&] { return client.committed(name + "g", name + "t") == std::map<std::int32_t, std::int64_t>{{0, 0}}; }));
}

TEST_CASE("a pattern's member joins at once, whatever its refresh interval") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "t");
  produce_numbers(client, name + "t", 0, 5);
  Member member(member_options(name + "g", {name + "*"}));
  member.start();
  REQUIRE(eventually(3s, [&] { return member.seen_count() == 5; }));
}
