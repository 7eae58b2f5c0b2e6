// Batches that a lane gives back are read again from where it says, not before the moment it says.
#include <algorithm>

#include "member.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

struct Given {
  std::atomic<int> batches{0};
  std::atomic<std::int64_t> given_at{0};
};

}  // namespace

TEST_CASE("a batch that is given back comes again, whole and in order, after the pause") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "t", 1);
  produce_numbers(client, name + "t", 0, 250);
  Given g;
  Member member(member_options(name + "g", {name + "t"}), [&](runtime::Source& source, core::Batch& batch) {
    member.note(batch);
    if (g.batches++ == 0) {
      g.given_at = wall_ms();
      source.give_back(batch, batch.records.front().delivered_offset, std::chrono::steady_clock::now() + 400ms);
    } else {
      source.settled(batch, Member::end_of(batch));
    }
  });
  member.start();
  REQUIRE(eventually(20s, [&] { return member.seen_count() >= 350; }));
  const auto seen = member.seen();
  CHECK(seen[100].offset == 0);
  CHECK(seen[100].seen_ms - g.given_at >= 400);
  auto expected = numbers(0, 100);
  for (auto o : numbers(0, 250)) expected.push_back(o);
  CHECK(member.offsets() == expected);
}

TEST_CASE("a part of a batch is settled, the rest given back") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "t", 1);
  produce_numbers(client, name + "t", 0, 100);
  Given g;
  Member member(member_options(name + "g", {name + "t"}), [&](runtime::Source& source, core::Batch& batch) {
    member.note(batch);
    if (g.batches++ == 0) {
      source.give_back(batch, core::Offset{40}, {});
    } else {
      source.settled(batch, Member::end_of(batch));
    }
  });
  member.start();
  auto expected = numbers(0, 100);
  for (auto o : numbers(40, 100)) expected.push_back(o);
  REQUIRE(eventually(20s, [&] { return member.seen_count() >= expected.size(); }));
  CHECK(member.offsets() == expected);
}

TEST_CASE("reading goes back to an offset that is no longer in hand") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "t", 1);
  produce_numbers(client, name + "t", 0, 1000);
  Given g;
  Member member(member_options(name + "g", {name + "t"}), [&](runtime::Source& source, core::Batch& batch) {
    member.note(batch);
    if (g.batches++ == 5) {
      source.give_back(batch, core::Offset{120}, {});
    } else {
      source.settled(batch, Member::end_of(batch));
    }
  });
  member.start();
  auto expected = numbers(0, 600);
  for (auto o : numbers(120, 1000)) expected.push_back(o);
  REQUIRE(eventually(20s, [&] { return member.seen_count() >= expected.size(); }));
  CHECK(member.offsets() == expected);
}

TEST_CASE("reading jumps ahead, within what was read ahead and beyond it") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "t", 1);
  produce_numbers(client, name + "t", 0, 1000);
  Given g;
  Member member(member_options(name + "g", {name + "t"}), [&](runtime::Source& source, core::Batch& batch) {
    member.note(batch);
    const int n = g.batches++;
    if (n == 0) source.give_back(batch, core::Offset{150}, {});
    else if (n == 1) source.give_back(batch, core::Offset{170}, {});
    else source.settled(batch, Member::end_of(batch));
  });
  member.start();
  REQUIRE(eventually(20s, [&] { return member.seen_count() > 0 && member.offsets().back() == 999; }));
  auto offsets = member.offsets();
  CHECK(std::vector(offsets.begin(), offsets.begin() + 100) == numbers(0, 100));
  offsets.erase(offsets.begin(), offsets.begin() + 100);
  const auto again = std::find(offsets.begin() + 21, offsets.end(), 170);  // the second batch is given back from 170 on
  REQUIRE(again != offsets.end());
  CHECK(std::vector(offsets.begin(), again) == numbers(150, 150 + (again - offsets.begin())));
  CHECK(std::vector(again, offsets.end()) == numbers(170, 1000));
}

TEST_CASE("several batches of one partition are given back in either order") {
  KafkaClient client;
  const bool last_first = GENERATE(true, false);
  const std::string name = unique_prefix();
  client.create_topic(name + "t", 1);
  produce_numbers(client, name + "t", 0, 400);
  core::Batch first;
  Given g;
  Member member(member_options(name + "g", {name + "t"}), [&](runtime::Source& source, core::Batch& batch) {
    member.note(batch);
    const int n = g.batches++;
    if (n == 0) {
      first = std::move(batch);
      batch = {};
    } else if (n == 1) {
      const auto give = [&](core::Batch& b) { source.give_back(b, b.records.front().delivered_offset, {}); };
      give(last_first ? batch : first);
      give(last_first ? first : batch);
      first.clear();
    } else {
      source.settled(batch, Member::end_of(batch));
    }
  });
  member.start();
  auto expected = numbers(0, 200);
  for (auto o : numbers(0, 400)) expected.push_back(o);
  REQUIRE(eventually(20s, [&] { return member.seen_count() >= expected.size(); }));
  CHECK(member.offsets() == expected);
}

TEST_CASE("a batch that is dropped without a word is read again") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "t", 1);
  produce_numbers(client, name + "t", 0, 100);
  Given g;
  Member member(member_options(name + "g", {name + "t"}), [&](runtime::Source& source, core::Batch& batch) {
    member.note(batch);
    if (g.batches++ > 0) source.settled(batch, Member::end_of(batch));
  });
  member.start();
  REQUIRE(eventually(20s, [&] { return member.seen_count() >= 200; }));
  auto expected = numbers(0, 100);
  for (auto o : numbers(0, 100)) expected.push_back(o);
  CHECK(member.offsets() == expected);
}

TEST_CASE("a batch waits for company up to its age, not longer, and not once it is full") {
  KafkaClient client;
  const std::string name = unique_prefix();
  client.create_topic(name + "t", 1);
  std::mutex mutex;
  std::vector<std::pair<std::size_t, std::int64_t>> batches;  // size, when
  Member member(member_options(name + "g", {name + "t"}), [&](runtime::Source& source, core::Batch& batch) {
    {
      const std::lock_guard lock(mutex);
      batches.emplace_back(batch.records.size(), wall_ms());
    }
    member.note(batch);
    source.settled(batch, Member::end_of(batch));
  });
  member.max_wait = 500ms;
  member.max_records = 10;
  member.start();
  produce_numbers(client, name + "t", 0, 1);  // some clients take a second before the first fetch
  REQUIRE(eventually(20s, [&] { return member.seen_count() == 1; }));
  const std::int64_t begin = wall_ms();
  produce_numbers(client, name + "t", 1, 3);
  produce_numbers(client, name + "t", 3, 4);
  REQUIRE(eventually(5s, [&] { return member.seen_count() == 4; }));
  const std::int64_t full_begin = wall_ms();
  produce_numbers(client, name + "t", 4, 14);
  REQUIRE(eventually(5s, [&] { return member.seen_count() == 14; }));
  const std::lock_guard lock(mutex);
  REQUIRE(batches.size() == 3);
  CHECK(batches[1].first == 3);
  CHECK(batches[1].second - begin >= 500);
  CHECK(batches[1].second - begin < 1000);
  CHECK(batches[2].first == 10);
  CHECK(batches[2].second - full_begin < 400);
}
