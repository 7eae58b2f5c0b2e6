// What operators do, on the pipeline and the ledger's fake: a mark that is moved under a running lane, a lost copy, the ledger's watch.
#include "fakes/memory_ledger.h"
#include "runtime/digest.h"
#include "runtime/ledger_watch.h"
#include "runtime/reissue.h"
#include "support/catch.h"
#include "support/wait.h"
#include "world.h"

using namespace hostler;
using namespace hostler::testing;
using core::Verdict;

namespace {

const core::TopicPartition zero{"user-events", {0}};

ScriptedLane::Handler effect_of_each() {
  return [](const core::Record& r, HandlerCall& call) {
    call.statements.push_back("effect of " + std::string(r.event_id));
    return Verdict::done;
  };
}

std::vector<std::int32_t> topic_ids(const MemoryLedger& ledger) {
  std::vector<std::int32_t> out;
  for (const auto& [id, row] : ledger.delegated()) out.push_back(std::get<2>(id));
  return out;
}

}  // namespace

TEST_CASE("what Kafka acknowledged goes into the ledger with the next fence") {
  World w;
  w.lane.handler = effect_of_each();
  w.source.add(event("a"));
  w.run();
  CHECK(w.ledger.mark("user-service", "user-events", 0)->acked.value == -1);
  w.source.acked = {1};
  w.source.add(event("b"));
  w.run();
  CHECK(w.ledger.mark("user-service", "user-events", 0)->acked.value == 1);
}

TEST_CASE("a lane whose mark an operator moved back reads on there, and ids decide") {
  World w;
  w.lane.handler = effect_of_each();
  for (const auto* id : {"a", "b"}) w.source.add(event(id));
  w.run();
  REQUIRE(w.ledger.operations().rewind("user-service", {zero, {0}}).ok());
  w.source.add(event("c"));
  w.run();
  CHECK(w.effects() == std::vector<std::string>{"effect of a", "effect of b", "effect of c"});
  CHECK(w.ledger.mark("user-service", "user-events", 0)->mark.next.value == 3);
}

TEST_CASE("with forgotten ids, or without ids, a rewind handles again") {
  for (const bool ids : {true, false}) {
    auto config = user_service();
    if (!ids) {
      config.idempotency = core::Idempotency::offset;
      config.event_id = {};
    }
    World w(config);
    w.lane.handler = [](const core::Record& r, HandlerCall& call) {
      call.statements.push_back("effect at " + std::to_string(r.offset.value));
      return Verdict::done;
    };
    for (const auto* id : {"a", "b"}) w.source.add(event(id));
    w.run();
    using runtime::Rewind;
    REQUIRE(w.ledger.operations().rewind("user-service", {zero, {1}, ids ? Rewind::Rows::keep : Rewind::Rows::erase, ids ? Rewind::Ids::forget : Rewind::Ids::keep}).ok());
    w.source.add(event("c"));
    w.run();
    CHECK(w.effects() == std::vector<std::string>{"effect at 0", "effect at 1", "effect at 1", "effect at 2"});
  }
}

TEST_CASE("records of a topic that was adopted meanwhile are decoded again, under its new generation") {
  World w;
  w.lane.handler = [](const core::Record&, HandlerCall&) { return Verdict::retry; };
  w.source.add(event("a"));
  w.run();
  REQUIRE(w.ledger.operations().adopt("user-service", {"user-events", "cluster", {{{0}, {1}}}}).ok());
  w.source.add(event("b"));
  w.run();
  CHECK(topic_ids(w.ledger) == std::vector<std::int32_t>{1, 2});
}

TEST_CASE("a reissued copy is the first one again, and each record is done once, whether the first was lost or not") {
  for (const bool lost : {true, false}) {
    World w;
    bool works = false;
    w.lane.handler = [&](const core::Record& r, HandlerCall& call) {
      call.statements.push_back("effect of " + std::string(r.event_id));
      return works ? Verdict::done : Verdict::retry;
    };
    const runtime::LyingRecord lying{std::string("key"), event("a"), {{"foreign", "x"}, {"hostler-format", "9"}}, core::from_epoch_ms(1'700'000'000'000)};
    w.source.add({lying.key, lying.value, lying.headers});
    w.run();
    const std::string tier = core::retry_topic(w.config, "user-events", 0).value();
    REQUIRE(w.publisher.on(tier).size() == 1);
    const auto first = w.publisher.on(tier).front();
    const auto stuck = w.ledger.operations().stuck("user-service", w.clock.now() + std::chrono::hours(24), 10);
    REQUIRE(stuck->size() == 1);

    const auto again = runtime::reissue(w.config, stuck->front(), lying, w.clock.now());
    if (!again) FAIL(again.error().message);
    if (lost) w.publisher.delivered.clear();
    REQUIRE(w.publisher.publish(std::span(&again->copy, 1)).empty());
    const auto second = w.publisher.on(tier).back();
    CHECK(second.partition == first.partition);
    CHECK(second.key == first.key);
    CHECK(second.value == first.value);
    CHECK(second.headers == first.headers);
    works = true;
    w.run_retries(0);
    CHECK(w.effects() == std::vector<std::string>{"effect of a"});
    CHECK(w.ledger.delegated().empty());
  }
}

TEST_CASE("a copy is not reissued from a record that is not the one") {
  const auto config = user_service();
  runtime::StuckRecord stuck;
  stuck.topic = "user-events";
  stuck.partition = {0};
  stuck.row.step = {3};
  stuck.row.attempt = {3};
  const auto hash = runtime::sha256_16("key");
  stuck.key_hash = std::string(hash.begin(), hash.end());
  runtime::LyingRecord record{std::string("key"), std::string("value"), {}, {}};
  const auto copy = runtime::reissue(config, stuck, record, core::from_epoch_ms(1'700'000'000'000));
  REQUIRE(copy.ok());
  CHECK(copy->copy.topic == core::retry_topic(config, "user-events", 1).value());
  CHECK(core::to_epoch_ms(copy->due) == 1'700'000'000'000 + 5 * 60'000);
  record.key = "other";
  CHECK_FALSE(runtime::reissue(config, stuck, record, {}).ok());
  record.key.reset();
  CHECK_FALSE(runtime::reissue(config, stuck, record, {}).ok());
  stuck.key_hash.reset();
  CHECK(runtime::reissue(config, stuck, record, {}).ok());
  auto without = config;
  without.retry.max_retries = 0;
  CHECK_FALSE(runtime::reissue(without, stuck, record, {}).ok());
}

TEST_CASE("the watch sees marks that somebody moved, and counts stuck records") {
  MemoryLedger ledger;
  const runtime::TakeOver wanted{zero, {0}};
  const auto mark = ledger.take_over("svc", "cluster", std::span(&wanted, 1))->front();
  runtime::LedgerWatch watch("svc", ledger, core::Millis(5), core::Millis(5));
  CHECK_FALSE(watch.stuck());
  CHECK_FALSE(watch.moved(zero, mark));
  watch.start();
  REQUIRE(eventually(5s, [&] { return watch.stuck() == 0; }));
  CHECK_FALSE(watch.moved(zero, mark));
  CHECK_FALSE(watch.moved(zero, {mark.next, mark.epoch + 1, mark.topic_id}));  // seen before it was taken over
  REQUIRE(ledger.operations().rewind("svc", {zero, {5}}).ok());
  REQUIRE(eventually(5s, [&] { return watch.moved(zero, mark); }));
  const auto taken = ledger.take_over("svc", "cluster", std::span(&wanted, 1))->front();
  CHECK_FALSE(watch.moved(zero, taken));
  REQUIRE(ledger.operations().adopt("svc", {"user-events", "cluster", {{{0}, {0}}}}).ok());
  REQUIRE(eventually(5s, [&] { return watch.moved(zero, taken); }));

  auto session = ledger.lease();
  REQUIRE(session->begin().ok());
  const auto now = std::chrono::floor<core::Millis>(std::chrono::system_clock::now());
  std::vector<runtime::Delegation> rows(2);
  for (int i = 0; i < 2; ++i) {
    rows[i].origin = {"user-events", 1, {0}, {i}};
    rows[i].due = now - std::chrono::minutes(i == 0 ? 9 : 11);
  }
  REQUIRE(session->write_delegated("svc", rows).ok());
  REQUIRE(session->commit(nullptr) == runtime::CommitOutcome::committed);
  REQUIRE(eventually(5s, [&] { return watch.stuck() == 1; }));
}

TEST_CASE("the watch writes down what Kafka acknowledged, also at its end, and again after an outage") {
  MemoryLedger ledger;
  const runtime::TakeOver wanted{zero, {100}};
  const auto mark = ledger.take_over("svc", "cluster", std::span(&wanted, 1))->front();
  const auto acked = [&] { return ledger.mark("svc", "user-events", 0)->acked.value; };
  runtime::LedgerWatch watch("svc", ledger, core::Millis(5));
  watch.start();
  ledger.set_down(true);
  watch.acknowledged(zero, mark, {40});
  const auto calls = [&] { return ledger.calls(MemoryLedger::Call::operations); };
  const auto before = calls();
  REQUIRE(eventually(5s, [&] { return calls() > before + 4; }));
  ledger.set_down(false);
  REQUIRE(eventually(5s, [&] { return acked() == 40; }));
  watch.acknowledged(zero, {mark.next, mark.epoch + 7, mark.topic_id}, {60});  // a mark that is not there any more
  watch.acknowledged(zero, mark, {50});
  watch.stop();
  CHECK(acked() == 50);
}
