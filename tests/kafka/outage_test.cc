// Brokers that are away: at the start, and in between.
#include "member.h"
#include "support/private_server.h"

using namespace hostler;
using namespace hostler::testing;

TEST_CASE("a member started without a broker joins once there is one, and a moment without costs nothing") {
  PrivateKafka kafka;
  const std::string topic = "t", group = "g";
  KafkaClient(kafka.url()).create_topic(topic, 1);
  kafka.stop();
  auto options = member_options(group, {topic});
  options.brokers = kafka.url();
  options.properties["session.timeout.ms"] = "45000";
  Member member(options);
  member.start();
  REQUIRE(eventually(10s, [&] { return member.logged("_ALL_BROKERS_DOWN"); }));
  CHECK_FALSE(member.state().joined);
  for (int round = 1; round <= 2; ++round) {
    kafka.start();
    KafkaClient client(kafka.url());
    produce_numbers(client, topic, 0, 100);
    REQUIRE(eventually(60s, [&] { return member.seen_count() == static_cast<std::size_t>(round) * 100; }));
    REQUIRE(eventually(20s, [&] { return client.committed(group, topic) == std::map<std::int32_t, std::int64_t>{{0, round * 100}}; }));
    if (round == 1) kafka.stop();
  }
  CHECK(member.state().joined);
  CHECK(member.offsets() == numbers(0, 200));
  CHECK(member.logged("the brokers answer again"));
  CHECK(member.assignments.lost_count() == 0);
}

TEST_CASE("a broker that is away for longer than the session costs the assignment and no record") {
  PrivateKafka kafka;
  const std::string topic = "t", group = "g";
  KafkaClient client(kafka.url());
  client.create_topic(topic, 2);
  auto options = member_options(group, {topic});
  options.brokers = kafka.url();
  options.properties["session.timeout.ms"] = "2000";
  options.request_timeout = 1s;
  Member member(options);
  member.start();
  for (int p = 0; p < 2; ++p) produce_numbers(client, topic, 0, 100, p);
  REQUIRE(eventually(20s, [&] { return member.seen_count() == 200; }));
  REQUIRE(eventually(5s, [&] { return client.committed(group, topic) == std::map<std::int32_t, std::int64_t>{{0, 100}, {1, 100}}; }));
  kafka.kill();
  REQUIRE(eventually(20s, [&] { return member.assignments.lost_count() == 2; }));
  kafka.start();
  KafkaClient again(kafka.url());
  for (int p = 0; p < 2; ++p) produce_numbers(again, topic, 100, 200, p);
  // A killed broker recovers its log first, and the client looks for its coordinator with growing pauses: slow beside other tests.
  REQUIRE(eventually(200s, [&] { return member.seen_count() >= 400; }));
  for (int p = 0; p < 2; ++p) CHECK(member.offsets(p) == numbers(0, 200));
  CHECK(eventually(10s, [&] { return again.committed(group, topic) == std::map<std::int32_t, std::int64_t>{{0, 200}, {1, 200}}; }));
}
