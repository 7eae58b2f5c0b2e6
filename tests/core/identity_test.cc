#include "core/identity.h"

#include "support/catch.h"

using namespace hostler::core;
using hostler::testing::contains;
using Kind = Refusal::Kind;

namespace {

const Fingerprint last{{99}, from_epoch_ms(1'700'000'000'000), 7};

// Settled to 100, of which Kafka acknowledged 80.
MarkMemory memory() { return {{{100}, 3, 1}, Offset{80}, "cluster-a", last}; }
PartitionNow now() { return {"cluster-a", Offset{100}, {0}, {150}, last}; }

std::optional<Kind> kind(const MarkMemory& memory, const PartitionNow& now) {
  const auto refusal = refuse(memory, now);
  return refusal ? std::optional(refusal->kind) : std::nullopt;
}

}  // namespace

TEST_CASE("the same partition is read on") {
  CHECK_FALSE(refuse(memory(), now()));
}

TEST_CASE("another cluster is refused, one that is not known is not") {
  auto there = now();
  there.cluster_id = "cluster-b";
  CHECK(kind(memory(), there) == Kind::another_cluster);
  auto known = memory();
  known.cluster_id.clear();
  CHECK_FALSE(refuse(known, there));
}

TEST_CASE("a record that differs at the last settled offset is refused, whatever differs") {
  auto there = now();
  there.last->timestamp = from_epoch_ms(1'700'000'000'001);
  CHECK(kind(memory(), there) == Kind::recreated);
  there = now();
  there.last->hash = 8;
  CHECK(kind(memory(), there) == Kind::recreated);
}

TEST_CASE("a last record that is gone is not compared") {
  auto there = now();
  there.last.reset();
  CHECK_FALSE(refuse(memory(), there));
  there.low = {100};  // everything settled was deleted
  CHECK_FALSE(refuse(memory(), there));
}

TEST_CASE("a topic that ends before what was settled is refused, one that ends there is not") {
  auto there = now();
  there.last.reset();
  there.high = {100};
  CHECK_FALSE(refuse(memory(), there));
  there.high = {99};
  CHECK(kind(memory(), there) == Kind::recreated);
}

TEST_CASE("a next record that was deleted is refused") {
  auto there = now();
  there.last.reset();
  there.low = {101};
  CHECK(kind(memory(), there) == Kind::gone);
}

TEST_CASE("a committed offset below what Kafka acknowledged was reset by hand") {
  auto there = now();
  there.committed = Offset{79};
  CHECK(kind(memory(), there) == Kind::reset);
}

TEST_CASE("a committed offset is no reset behind the mark, ahead of it, expired, or when nothing was acknowledged") {
  auto there = now();
  for (const std::int64_t committed : {80, 99, 100, 101, 150, 1000}) {
    there.committed = Offset{committed};
    CHECK_FALSE(refuse(memory(), there));
  }
  there.committed.reset();
  CHECK_FALSE(refuse(memory(), there));
  auto known = memory();
  known.acked.reset();
  there.committed = Offset{0};
  CHECK_FALSE(refuse(known, there));
}

TEST_CASE("a re-created topic is called that, not a reset, although its offsets are gone too") {
  auto there = now();
  there.high = {10};
  there.last.reset();
  there.committed = Offset{0};
  CHECK(kind(memory(), there) == Kind::recreated);
}

TEST_CASE("a refusal says where, what, and which command goes on") {
  auto there = now();
  there.committed = Offset{0};
  const std::string text = text_of({"orders", {3}}, *refuse(memory(), there));
  CHECK_THAT(text, contains("orders/3 is held: ") && contains("committed offset is 0") && contains("acknowledged 80") && contains("hostler offsets adopt") &&
                       contains("hostler offsets rewind"));
  there = now();
  there.cluster_id = "cluster-b";
  CHECK_THAT(text_of({"orders", {3}}, *refuse(memory(), there)), contains("another cluster (cluster-b) than the ledger's (cluster-a)") && contains("hostler offsets adopt"));
  there = now();
  there.low = {120};
  CHECK_THAT(text_of({"orders", {3}}, *refuse(memory(), there)), contains("rewind --to earliest"));
}
