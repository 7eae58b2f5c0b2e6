// How the pipeline settles slices by transactions of the brokers: what it does when they fail, when nobody knows, when another was faster.
#include <algorithm>

#include "fakes/fake_transaction.h"
#include "support/catch.h"
#include "world.h"

using namespace hostler;
using namespace hostler::testing;
using core::Outcome;
using core::Verdict;
using runtime::CommitOutcome;
using Texts = std::vector<std::string>;

namespace {

const std::string first_tier = "user-events.user-service-group.retry.1m";
const std::string letters = "user-events.user-service-group.dlq";

core::HandlerConfig kafka_only() {
  auto config = user_service();
  config.idempotency = core::Idempotency::off;
  config.effects = core::Effects::kafka;
  return config;
}

// Publishes "out of <id>" for each record; an id that begins with r asks for a retry, x for the dead letters.
struct Setup : World {
  FakeTransaction transaction;

  Setup() : World(kafka_only()) {
    source.settles_by = &transaction;
    lane.handler = [](const core::Record& r, HandlerCall& call) {
      call.outputs.push_back("out of " + std::string(r.event_id));
      return r.event_id.front() == 'r' ? Verdict::retry : r.event_id.front() == 'x' ? Verdict::reject : Verdict::done;
    };
  }
  void add(std::initializer_list<const char*> ids) {
    for (const auto* id : ids) source.add(event(id));
  }
  [[nodiscard]] Texts outputs() const { return transaction.values("out"); }
};

}  // namespace

TEST_CASE("outputs, copies, letters and the offset are one transaction, and no publisher is asked") {
  Setup s;
  s.add({"a", "r1", "x1", "b"});
  s.run();
  CHECK(s.transaction.begun == 1);
  CHECK(s.outputs() == Texts{"out of a", "out of b"});
  CHECK(s.transaction.values(first_tier).size() == 1);
  CHECK(s.transaction.values(letters).size() == 1);
  CHECK(s.transaction.offsets == std::vector<std::int64_t>{4});
  CHECK(s.publisher.calls == 0);
  CHECK(s.source.settled_to == core::Offset{4});
  CHECK(s.observer[Outcome::done] == 2);
}

TEST_CASE("records without any output still move the offset by a transaction") {
  Setup s;
  s.lane.handler = [](const core::Record&, HandlerCall&) { return Verdict::drop; };
  s.add({"a", "b"});
  s.run();
  CHECK(s.transaction.offsets == std::vector<std::int64_t>{2});
  CHECK(s.transaction.seen.empty());
}

TEST_CASE("after an abort the batch is tried again from memory, without handling it again") {
  Setup s;
  s.transaction.refused_offsets = {"not now", "nor now"};
  s.transaction.commits = {CommitOutcome::failed};
  s.add({"a", "b"});
  s.run();
  CHECK(s.transaction.begun == 4);
  CHECK(s.transaction.aborted == 3);
  CHECK(s.transaction.open == 0);
  CHECK(s.outputs() == Texts{"out of a", "out of b"});
  CHECK(s.lane.handled.size() == 2);
  CHECK(s.source.given_back == 0);
  CHECK(s.source.settled_to == core::Offset{2});
}

TEST_CASE("a commit in doubt that has happened is not repeated") {
  Setup s;
  s.transaction.commits = {CommitOutcome::unknown};
  s.add({"a", "b"});
  s.run();
  CHECK(s.transaction.begun == 1);
  CHECK(s.transaction.aborted == 0);
  CHECK(s.outputs() == Texts{"out of a", "out of b"});
  CHECK(s.source.settled_to == core::Offset{2});
  CHECK(s.observer[Outcome::done] == 2);
}

TEST_CASE("a commit in doubt that has not happened is repeated") {
  Setup s;
  s.transaction.commits = {CommitOutcome::unknown};
  s.transaction.happens = false;
  s.add({"a", "b"});
  s.run();
  CHECK(s.transaction.begun == 2);
  CHECK(s.outputs() == Texts{"out of a", "out of b"});
  CHECK(s.lane.handled.size() == 2);
  CHECK(s.source.settled_to == core::Offset{2});
}

TEST_CASE("where another owner has moved the offset reading goes on, and nothing is published") {
  Setup s;
  s.transaction.beginnings = {{FakeTransaction::Kind::moved, core::Offset{3}, ""}};
  s.add({"a", "b", "c", "d"});
  s.run();
  CHECK(s.source.given_back == 1);
  CHECK(s.outputs() == Texts{"out of d"});
  CHECK(s.transaction.offsets == std::vector<std::int64_t>{4});
  CHECK(s.transaction.aborted == 0);
}

TEST_CASE("brokers that do not let a transaction begin are waited for") {
  Setup s;
  for (int i = 0; i < 5; ++i) s.transaction.beginnings.push_back({FakeTransaction::Kind::failed, {}, "no broker"});
  s.add({"a"});
  s.run();
  CHECK(s.outputs() == Texts{"out of a"});
  CHECK(s.clock.passed > core::Millis(500));
  REQUIRE(!s.observer.pauses.empty());
  CHECK_THAT(s.observer.pauses.front(), contains("transaction: no broker"));
  CHECK(s.observer.pauses.back().empty());
}

TEST_CASE("a batch whose assignment ends while its transaction fails is given back, aborted") {
  Setup s;
  s.transaction.refused_offsets = {"the assignment has ended", "the assignment has ended", "the assignment has ended"};
  s.clock.on_wait = [&] { s.source.owned = false; };
  s.add({"a", "b"});
  CHECK(s.pipeline->run_once(core::Millis(0)));
  CHECK(s.source.given_back == 1);
  CHECK(s.transaction.aborted == 1);
  CHECK(s.transaction.open == 0);
  CHECK(s.transaction.seen.empty());
  CHECK_FALSE(s.source.settled_to);
}

TEST_CASE("a record whose copy is too large goes to the dead letters of the next try, its neighbours with it") {
  Setup s;
  s.transaction.fail = [](const runtime::OutRecord& r) {
    return r.topic == first_tier ? std::optional(runtime::PublishFailure::Kind::too_large) : std::nullopt;
  };
  s.add({"a", "r1"});
  s.run();
  CHECK(s.transaction.aborted == 1);
  CHECK(s.transaction.values(letters).size() == 1);
  CHECK(s.outputs() == Texts{"out of a"});
  CHECK(s.transaction.offsets == std::vector<std::int64_t>{2});
}

TEST_CASE("a letter that fits nowhere stops the partition: there is no ledger to keep the record") {
  Setup s;
  int tries = 0;
  s.transaction.fail = [&](const runtime::OutRecord& r) {
    if (r.topic != letters) return std::optional<runtime::PublishFailure::Kind>();
    if (++tries == 8) s.source.owned = false;
    return std::optional(runtime::PublishFailure::Kind::too_large);
  };
  s.add({"a", "x1"});
  CHECK(s.pipeline->run_once(core::Millis(0)));
  CHECK(s.transaction.seen.empty());
  CHECK(s.transaction.open == 0);
  CHECK(s.source.given_back == 1);
}

TEST_CASE("a slice that is halved is settled by transactions of its own, in order") {
  Setup s;
  s.lane.fail_batch = [](const std::vector<const core::Record*>& records) -> std::optional<runtime::ExecuteFailure> {
    const bool bad = std::any_of(records.begin(), records.end(), [](const auto* r) { return r->event_id == "bad"; });
    return bad ? std::optional(runtime::ExecuteFailure{}) : std::nullopt;
  };
  s.add({"a", "b", "bad", "c"});
  s.run();
  CHECK(s.outputs() == Texts{"out of a", "out of b", "out of c"});
  CHECK(s.transaction.values(first_tier).size() == 1);
  CHECK(std::is_sorted(s.transaction.offsets.begin(), s.transaction.offsets.end()));
  CHECK(s.transaction.offsets.back() == 4);
}

TEST_CASE("what readers may see is counted as published, what was aborted is not") {
  struct Counting final : runtime::Observer {
    std::uint64_t acknowledged = 0, failed = 0;
    void batch_settled(std::string_view, const core::TopicPartition&, int, const runtime::SettledCounts&, core::Millis) override {}
    void record_noted(const runtime::RecordNote&) override {}
    void intake(std::string_view, std::string_view) override {}
    void published(std::string_view, std::string_view, std::uint64_t a, std::uint64_t f) override {
      acknowledged += a;
      failed += f;
    }
  } counting;
  Setup s;
  s.transaction.commits = {CommitOutcome::failed};
  s.add({"a", "b"});
  runtime::Pipeline counted({s.config, s.source, s.lane, s.publisher, s.clock, counting, nullptr, {}});
  CHECK(counted.run_once(core::Millis(0)));
  CHECK(counting.acknowledged == 2);
  CHECK(counting.failed == 0);
}
