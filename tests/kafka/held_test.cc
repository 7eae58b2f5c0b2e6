// Partitions that are not read until somebody decides, and marks that are moved while somebody reads.
#include "member.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

const core::Refusal reset{core::Refusal::Kind::reset, "somebody reset it", "decide"};

struct Place {
  KafkaClient client;
  std::string topic = unique_prefix() + "t", group = topic + "-group";

  explicit Place(int partitions = 1) { client.create_topic(topic, partitions); }
  [[nodiscard]] core::TopicPartition at(int partition) const { return {topic, {partition}}; }
  [[nodiscard]] std::int64_t committed(int partition = 0) {
    const auto all = client.committed(group, topic);
    const auto found = all.find(partition);
    return found == all.end() ? -1 : found->second;
  }
};

}  // namespace

TEST_CASE("refused partitions are held while the others are read, in one line, and read from where they are told once nobody refuses them") {
  Place place(3);
  for (int p = 0; p < 3; ++p) produce_numbers(place.client, place.topic, 0, 10, p);
  Member member(member_options(place.group, {place.topic}));
  member.assignments.refuse(place.at(1), reset);
  member.assignments.refuse(place.at(2), reset);
  member.start();
  REQUIRE(eventually(20s, [&] { return member.offsets(0) == numbers(0, 10); }));
  CHECK_THAT(member.state().waiting_for, contains(place.topic + "/1 is held: somebody reset it; decide (and 1 partition more)"));
  CHECK(member.lines_with("is held: somebody reset it; decide (and 1 more partition of it)") == 1);
  std::string held;
  for (const auto& p : member.consumer().progress()) {
    if (p.where == place.at(1)) held = p.held;
  }
  CHECK_THAT(held, contains("somebody reset it"));
  const auto before = member.assignments.asked();
  REQUIRE(eventually(10s, [&] { return member.assignments.asked() > before + 1; }));  // … and again
  CHECK(member.offsets(1).empty());
  CHECK(place.committed(1) == 0);  // as the group began; nothing else was committed

  member.assignments.set_mark(place.at(1), 4);
  member.assignments.accept(place.at(1));
  REQUIRE(eventually(20s, [&] { return member.offsets(1) == numbers(4, 10); }));
  REQUIRE(eventually(10s, [&] { return place.committed(1) == 10; }));
  CHECK_THAT(member.state().waiting_for, contains(place.topic + "/2 is held"));
  member.assignments.accept(place.at(2));
  REQUIRE(eventually(20s, [&] { return member.offsets(2) == numbers(0, 10); }));
  CHECK(member.state().waiting_for.empty());
  CHECK(member.logged("is not refused any more"));
  CHECK(member.lines_with("is held: ") == 1);
  produce_numbers(place.client, place.topic, 10, 15, 1);
  REQUIRE(eventually(10s, [&] { return member.offsets(1) == numbers(4, 15); }));
}

TEST_CASE("an idle partition whose mark somebody moved is read from there, back and forward, and Kafka's offset follows") {
  Place place;
  produce_numbers(place.client, place.topic, 0, 10);
  Member member(member_options(place.group, {place.topic}));
  member.assignments.set_mark(place.at(0), 0);
  member.start();
  REQUIRE(eventually(20s, [&] { return place.committed() == 10; }));
  member.assignments.move_mark(place.at(0), 6);
  REQUIRE(eventually(20s, [&] { return member.seen_count() == 14; }));
  CHECK(member.offsets() == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 6, 7, 8, 9});
  REQUIRE(eventually(10s, [&] { return place.committed() == 10; }));
  member.assignments.move_mark(place.at(0), 3);
  produce_numbers(place.client, place.topic, 10, 11);
  REQUIRE(eventually(20s, [&] { return place.committed() == 11 && member.offsets().back() == 10 && member.seen_count() >= 14 + 8; }));
}

TEST_CASE("a mark that is moved back under a lane is what Kafka's offset follows") {
  Place place;
  produce_numbers(place.client, place.topic, 0, 20);
  std::atomic<bool> rewound{false};
  std::atomic<std::int64_t> lowest_after{1000};
  std::unique_ptr<Member> member;
  Gate gate;
  const auto script = [&](runtime::Source& source, core::Batch& batch) {
    if (!rewound && batch.records.front().offset.value >= 10) {  // the fence was stale: the mark is at 2
      batch.mark->next = {2};
      rewound = true;
      source.give_back(batch, {2}, {});
      return;
    }
    if (rewound) {
      lowest_after = std::min(lowest_after.load(), batch.records.front().offset.value);
      if (batch.records.front().offset.value < 10) gate.pass();
    }
    batch.mark->next = Member::end_of(batch);
    source.settled(batch, Member::end_of(batch));
  };
  member = std::make_unique<Member>(member_options(place.group, {place.topic}), script);
  member->max_records = 10;
  member->assignments.set_mark(place.at(0), 0);
  member->start();
  REQUIRE(eventually(20s, [&] { return gate.somebody_waits(); }));
  REQUIRE(eventually(20s, [&] { return place.committed() == 2; }));
  gate.open();
  REQUIRE(eventually(20s, [&] { return place.committed() == 20; }));
  CHECK(lowest_after == 2);
  member->stop();
}

TEST_CASE("what batches say of Kafka's acknowledgement never lies above what Kafka has or will have") {
  Place place;
  produce_numbers(place.client, place.topic, 0, 200);
  std::atomic<int> above{0};
  std::atomic<std::int64_t> highest{-1};
  Member member(member_options(place.group, {place.topic}), [&](runtime::Source& source, core::Batch& batch) {
    KafkaClient client;
    const auto committed = client.committed(place.group, place.topic);
    if (!committed.empty() && batch.acked.value > committed.begin()->second) ++above;
    highest = std::max(highest.load(), batch.acked.value);
    // Once the commits are waited for: a quick machine settles everything between two of them.
    if (batch.records.front().delivered_offset.value == 140) static_cast<void>(eventually(10s, [&] { return client.committed(place.group, place.topic).begin()->second == 140; }));
    source.settled(batch, Member::end_of(batch));
  });
  member.max_records = 10;
  place.client.set_committed(place.group, place.topic, 0, 150);
  member.assignments.set_mark(place.at(0), 50);  // an older database
  member.start();
  REQUIRE(eventually(40s, [&] { return place.committed() == 200; }));
  member.stop();
  CHECK(above == 0);
  CHECK(highest > 50);
  CHECK(member.assignments.last_acknowledged(place.at(0)) == std::pair<std::int64_t, std::int64_t>(7, 200));
}

TEST_CASE("a group that Kafka has forgotten goes on where somebody remembers, and begins only what nobody knows") {
  Place place(2);
  for (int p = 0; p < 2; ++p) produce_numbers(place.client, place.topic, 0, 10, p);
  auto options = member_options(place.group, {place.topic});
  options.start = core::Start::latest;
  Member member(std::move(options));
  member.assignments.set_mark(place.at(0), 6);
  member.start();
  REQUIRE(eventually(20s, [&] { return member.offsets(0) == numbers(6, 10); }));
  CHECK(member.assignments.starts_seen().at(place.at(0)).value == 6);
  CHECK(member.assignments.starts_seen().at(place.at(1)).value == 10);
}

TEST_CASE("a partition whose next record is gone is read on once an operator moves its mark") {
  Place place(2);
  produce_numbers(place.client, place.topic, 0, 10, 0);
  produce_numbers(place.client, place.topic, 0, 10, 1);
  place.client.set_committed(place.group, place.topic, 0, 0);
  place.client.set_committed(place.group, place.topic, 1, 0);
  Member member(member_options(place.group, {place.topic}));
  member.assignments.set_mark(place.at(0), 1000);  // the client finds nothing there
  member.start();
  REQUIRE(eventually(20s, [&] { return member.logged("its next record is gone") && member.offsets(1).size() == 10; }));
  member.assignments.set_mark(place.at(1), 10);
  member.assignments.move_mark(place.at(0), 5);
  REQUIRE(eventually(40s, [&] { return member.offsets(0) == numbers(5, 10); }));
  CHECK(member.state().waiting_for.empty());
  CHECK(member.offsets(1).size() == 10);
}
