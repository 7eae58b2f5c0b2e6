// Retry topics: records are held until they are due, never released early.
#include <numeric>

#include "member.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

ConsumerOptions retry_options(const std::string& group, std::vector<kafka::RetryTier> tiers) {
  auto options = member_options(group, {});
  options.role = ConsumerOptions::Role::retry;
  options.tiers = std::move(tiers);
  return options;
}

}  // namespace

TEST_CASE("a delay topic releases its records in order, never early, and soon after they are due") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "t.retry.1s", 1);
  client.create_topic(name + "t.retry.3s", 1);
  auto options = retry_options(name + "g.retry", {{name + "*.retry.1s", 0, 1s}, {name + "*.retry.3s", 1, 3s}});
  Member member(options, [&](runtime::Source& source, core::Batch& batch) {
    CHECK(batch.tier == (batch.where.topic.ends_with(".1s") ? 0u : 1u));
    member.note(batch);
    source.settled(batch, Member::end_of(batch));
  });
  member.start();
  REQUIRE(eventually(20s, [&] { return member.state().partitions.size() == 2; }));
  // A trickle, so that due times are spread.
  for (int i = 0; i < 40; ++i) {
    client.produce(name + "t.retry.1s", {std::nullopt, "quick", {}, 0});
    client.produce(name + "t.retry.3s", {std::nullopt, "slow", {}, 0});
    client.flush();
    std::this_thread::sleep_for(10ms);
  }
  REQUIRE(eventually(20s, [&] { return member.seen_count() >= 80; }));
  std::map<std::string, std::vector<std::int64_t>> offsets;
  std::vector<std::int64_t> late;
  for (const auto& r : member.seen()) {
    const std::int64_t delay = r.where.topic.ends_with(".1s") ? 1000 : 3000;
    offsets[r.where.topic].push_back(r.offset);
    late.push_back(r.seen_ms - r.stamped_ms - delay);
  }
  std::sort(late.begin(), late.end());
  CHECK(late.front() >= 0);
  CHECK(offsets[name + "t.retry.1s"] == numbers(0, 40));
  CHECK(offsets[name + "t.retry.3s"] == numbers(0, 40));
  CHECK(late[late.size() / 2] < 100);
  std::cout << "lateness: median " << late[late.size() / 2] << " ms, worst " << late.back() << " ms\n";
}

TEST_CASE("while one partition waits, its sibling and a fresh topic's records flow") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "t", 2);
  Member member(retry_options(name + "g", {{name + "t", 0, 1s}}));
  member.start();
  REQUIRE(eventually(20s, [&] { return member.state().partitions.size() == 2; }));
  // Partition 0's head is fresh, partition 1's were published long ago.
  produce_numbers(client, name + "t", 0, 5, 0);
  const std::int64_t long_ago = wall_ms() - 60'000;
  for (int i = 0; i < 5; ++i) client.produce(name + "t", {std::nullopt, "old", {}, 1, long_ago});
  client.flush();
  REQUIRE(eventually(700ms, [&] { return member.offsets(1).size() == 5; }));
  CHECK(member.offsets(0).empty());
  REQUIRE(eventually(5s, [&] { return member.offsets(0).size() == 5; }));
  CHECK(member.offsets(0) == numbers(0, 5));
}

TEST_CASE("a timestamp from the future delays a record no longer than its tier") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "t", 1);
  Member member(retry_options(name + "g", {{name + "t", 0, 1s}}));
  member.start();
  REQUIRE(eventually(20s, [&] { return member.state().partitions.size() == 1; }));
  const std::int64_t before = wall_ms();
  client.produce(name + "t", {std::nullopt, "skewed", {}, 0, before + 30'000});
  client.flush();
  REQUIRE(eventually(5s, [&] { return member.seen_count() == 1; }));
  CHECK(member.seen().front().seen_ms - before >= 1000);
}

TEST_CASE("a held backlog comes out complete and in order once it is due") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "t", 1);
  auto options = retry_options(name + "g", {{name + "t", 0, 2s}});
  Member member(options);
  member.start();
  REQUIRE(eventually(20s, [&] { return member.state().partitions.size() == 1; }));
  constexpr int count = 30'000;  // more than is prefetched
  produce_numbers(client, name + "t", 0, count);
  REQUIRE(eventually(30s, [&] { return member.seen_count() >= count; }));
  CHECK(member.offsets() == numbers(0, count));
  for (const auto& r : member.seen()) {
    if (r.seen_ms - r.stamped_ms < 2000) FAIL_CHECK("offset " << r.offset << " came early");
  }
}

TEST_CASE("a retry topic that is created after the start is read") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "one", 1);
  auto options = retry_options(name + "g", {{name + "one", 0, 0ms}, {name + "two", 1, 0ms}, {name + "many.*", 2, 0ms}});
  options.properties["topic.metadata.refresh.interval.ms"] = "300";
  Member member(options);
  member.start();
  REQUIRE(eventually(20s, [&] { return member.state().partitions.size() == 1; }));
  client.create_topic(name + "two", 1);
  client.create_topic(name + "many.a", 1);
  produce_numbers(client, name + "two", 0, 3);
  produce_numbers(client, name + "many.a", 0, 3);
  REQUIRE(eventually(20s, [&] { return member.seen_count() == 6; }));
}
