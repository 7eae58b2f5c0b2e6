#include "runtime/pipeline.h"

#include <algorithm>

#include "support/catch.h"
#include "world.h"

using namespace hostler;
using namespace hostler::testing;
using core::Outcome;
using core::Verdict;
using runtime::LedgerError;

namespace {

const std::string first_tier = "user-events.user-service-group.retry.1m";
const std::string letters = "user-events.user-service-group.dlq";

ScriptedLane::Handler effect_of_each() {
  return [](const core::Record& r, HandlerCall& call) {
    call.statements.push_back("effect of " + std::string(r.event_id));
    return Verdict::done;
  };
}

// Verdict by the event id's first letter: r retry, x reject, d drop, else done with an effect.
ScriptedLane::Handler by_name() {
  return [](const core::Record& r, HandlerCall& call) {
    call.statements.push_back("effect of " + std::string(r.event_id));
    call.detail.reason = r.event_id.front() == 'r' ? "try later" : "";
    switch (r.event_id.front()) {
      case 'r': return Verdict::retry;
      case 'x': return Verdict::reject;
      case 'd': return Verdict::drop;
      default: return Verdict::done;
    }
  };
}

LedgerError sql_error(LedgerError::Kind kind, std::string code) { return {kind, std::move(code), "injected"}; }

}  // namespace

TEST_CASE("each good record's effect commits once, the mark moves, the offset follows") {
  World w;
  w.lane.handler = effect_of_each();
  for (const auto* id : {"a", "b", "c"}) w.source.add(event(id));
  w.run();
  CHECK(w.effects() == std::vector<std::string>{"effect of a", "effect of b", "effect of c"});
  CHECK(w.source.settled_to == core::Offset{3});
  CHECK(w.source.mark.next == core::Offset{3});
  CHECK(w.ledger.commits() == 1);
  CHECK(w.publisher.calls == 0);
  CHECK(w.observer[Outcome::done] == 3);
}

TEST_CASE("the same event twice is handled once, in one batch and in another") {
  World w;
  w.lane.handler = effect_of_each();
  for (const auto* id : {"a", "a", "b"}) w.source.add(event(id));
  w.run();
  w.source.add(event("b"));
  w.run();
  CHECK(w.effects() == std::vector<std::string>{"effect of a", "effect of b"});
  CHECK(w.lane.handled.size() == 2);
  CHECK(w.observer[Outcome::duplicate] == 2);
  CHECK(w.source.settled_to == core::Offset{4});
}

TEST_CASE("SQL of a record whose verdict is not done leaves no trace") {
  World w;
  w.lane.handler = by_name();
  for (const auto* id : {"a", "r1", "x1", "d1", "b"}) w.source.add(event(id));
  w.run();
  CHECK(w.effects() == std::vector<std::string>{"effect of a", "effect of b"});
  CHECK(w.publisher.on(first_tier).size() == 1);
  CHECK(w.publisher.on(letters).size() == 1);
  CHECK(w.observer[Outcome::retry] == 1);
  CHECK(w.observer[Outcome::dead] == 1);
  CHECK(w.observer[Outcome::drop] == 1);
}

TEST_CASE("a copy carries key, value and origin, and goes to the partition it came from") {
  World w;
  w.lane.handler = by_name();
  w.source.add({std::string("user-1"), event("r1"), {{"trace-id", "t1"}}});
  w.run();
  const auto copies = w.publisher.on(first_tier);
  REQUIRE(copies.size() == 1);
  CHECK(copies[0].key == "user-1");
  CHECK(copies[0].value == event("r1"));
  CHECK(copies[0].partition == core::Partition{0});
  CHECK(copies[0].headers.at("trace-id") == "t1");
  CHECK(copies[0].headers.at("hostler-origin-topic") == "user-events");
  CHECK(copies[0].headers.at("hostler-origin-offset") == "0");
  CHECK(copies[0].headers.at("hostler-attempt") == "2");
  CHECK(copies[0].headers.at("hostler-error-message") == "try later");
}

TEST_CASE("a transient failure succeeds in the second tier, with its effect once") {
  World w;
  w.lane.handler = [](const core::Record& r, HandlerCall& call) {
    if (r.attempt.value < 3) return Verdict::retry;
    CHECK(r.topic == "user-events");
    CHECK(r.offset == core::Offset{0});
    call.statements.push_back("effect on attempt " + std::to_string(r.attempt.value));
    return Verdict::done;
  };
  w.source.add(event("a"));
  w.run();
  w.run_retries(0);
  w.run_retries(1);
  CHECK(w.effects() == std::vector<std::string>{"effect on attempt 3"});
  CHECK(w.ledger.delegated().empty());
  CHECK(w.ledger.ids().at({"user-service", "a"}).state == runtime::RowState::done);
}

TEST_CASE("the last retry's failure ends in one dead letter that the ledger's row confirms") {
  World w;
  w.lane.handler = [](const core::Record&, HandlerCall& call) {
    call.detail.reason = "still broken";
    return Verdict::retry;
  };
  w.source.add(event("a"));
  w.run();
  for (std::uint32_t tier = 0; tier < 3; ++tier) w.run_retries(tier);
  const auto dead = w.publisher.on(letters);
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].headers.at("hostler-reason") == "retries-exhausted");
  CHECK(dead[0].headers.at("hostler-attempt") == "4");
  CHECK(dead[0].headers.at("hostler-step") == "4");
  const auto rows = w.ledger.delegated();
  REQUIRE(rows.size() == 1);
  CHECK(rows.begin()->second.row.state == runtime::RowState::dead);
  CHECK(rows.begin()->second.row.due == w.clock.now());  // the day it died
  CHECK(rows.begin()->second.row.step == core::Step{4});
}

TEST_CASE("a copy delivered twice runs once") {
  World w;
  w.lane.handler = [](const core::Record& r, HandlerCall& call) {
    call.statements.push_back("effect");
    return r.attempt.value == 1 ? Verdict::retry : Verdict::done;
  };
  w.source.add(event("a"));
  w.run();
  w.run_retries(0);
  w.run_retries(0);
  CHECK(w.effects() == std::vector<std::string>{"effect"});
  CHECK(w.observer[Outcome::duplicate] == 1);
}

TEST_CASE("a copy published by a transaction that did not commit is a duplicate once its record succeeded") {
  World w;
  bool failing = true;
  w.lane.handler = [&](const core::Record&, HandlerCall& call) {
    call.statements.push_back("effect");
    return failing ? Verdict::retry : Verdict::done;
  };
  w.ledger.fail_next(MemoryLedger::Call::commit, sql_error(LedgerError::Kind::outage, "08006"));
  w.clock.on_wait = [&] { w.source.owned = false; };  // and the assignment is lost meanwhile
  w.source.add(event("a"));
  w.pipeline->run_once(core::Millis(0));
  REQUIRE(w.publisher.on(first_tier).size() == 1);
  CHECK(w.source.given_back == 1);

  failing = false;
  w.source.owned = true;
  w.clock.on_wait = nullptr;
  w.run();
  w.run_retries(0);
  CHECK(w.effects() == std::vector<std::string>{"effect"});
  CHECK(w.observer[Outcome::duplicate] == 1);
}

TEST_CASE("a batch that fails as a whole is narrowed down until the guilty record stands alone") {
  World w;
  w.lane.handler = effect_of_each();
  w.lane.fail_batch = [](const std::vector<const core::Record*>& records) -> std::optional<runtime::ExecuteFailure> {
    if (std::none_of(records.begin(), records.end(), [](const auto* r) { return r->event_id == "poison"; })) return std::nullopt;
    runtime::ExecuteFailure failure;
    failure.detail.reason = "thrown";
    return failure;
  };
  for (int i = 0; i < 31; ++i) w.source.add(event("good-" + std::to_string(i)));
  w.source.add(event("poison"));
  for (int i = 31; i < 63; ++i) w.source.add(event("good-" + std::to_string(i)));
  w.run();
  CHECK(w.effects().size() == 63);
  const auto copies = w.publisher.on(first_tier);
  REQUIRE(copies.size() == 1);
  CHECK(copies[0].value == event("poison"));
  CHECK(copies[0].headers.at("hostler-error-message") == "thrown");
  CHECK(w.lane.call_sizes.size() <= 2 * 6 + 2);
  CHECK(w.source.settled_to == core::Offset{64});
}

TEST_CASE("a failing statement is charged to its record alone, for one roll-back") {
  World w;
  w.lane.handler = effect_of_each();
  w.ledger.on_statement([](const runtime::SqlStatement& s) -> std::optional<LedgerError> {
    if (s.sql == "effect of b") return sql_error(LedgerError::Kind::record, "23502");
    return std::nullopt;
  });
  for (const auto* id : {"a", "b", "c"}) w.source.add(event(id));
  w.run();
  CHECK(w.effects() == std::vector<std::string>{"effect of a", "effect of c"});
  CHECK(w.publisher.on(first_tier).size() == 1);
  CHECK_THAT(w.publisher.on(first_tier)[0].headers.at("hostler-error-message"), contains("23502"));
}

TEST_CASE("a failing statement's record goes to the dead letters where that is configured") {
  auto config = user_service();
  config.on_sql_error = core::SqlErrorVerdict::reject;
  World w(config);
  w.lane.handler = effect_of_each();
  w.ledger.on_statement([](const runtime::SqlStatement&) -> std::optional<LedgerError> { return sql_error(LedgerError::Kind::record, "22001"); });
  w.source.add(event("a"));
  w.run();
  CHECK(w.publisher.on(letters).size() == 1);
}

TEST_CASE("a statement that is wrong for every record pauses the handler and dead-letters nothing") {
  World w;
  w.lane.handler = effect_of_each();
  int failures = 3;
  w.ledger.on_statement([&](const runtime::SqlStatement&) -> std::optional<LedgerError> {
    return failures-- > 0 ? std::optional(sql_error(LedgerError::Kind::handler, "42P01")) : std::nullopt;
  });
  w.source.add(event("a"));
  w.run();
  CHECK(w.effects().size() == 1);
  CHECK(w.publisher.calls == 0);
  REQUIRE(w.observer.pauses.size() == 2);
  CHECK_THAT(w.observer.pauses[0], contains("42P01"));
  CHECK(w.observer.pauses[1].empty());
}

TEST_CASE("an outage at any step pauses intake, spends no attempt and loses nothing") {
  using Call = MemoryLedger::Call;
  const auto call = GENERATE(Call::begin, Call::find_ids, Call::claim_ids, Call::fence, Call::run, Call::commit);
  World w;
  w.lane.handler = effect_of_each();
  w.ledger.fail_next(call, LedgerError::Kind::outage);
  w.ledger.fail_next(call, LedgerError::Kind::outage);
  for (const auto* id : {"a", "b"}) w.source.add(event(id));
  w.run();
  CHECK(w.effects() == std::vector<std::string>{"effect of a", "effect of b"});
  CHECK(w.source.settled_to == core::Offset{2});
  CHECK(w.publisher.calls == 0);
  CHECK(w.clock.passed > core::Millis(100));
}

TEST_CASE("a deadlock is run again without spending an attempt") {
  World w;
  w.lane.handler = effect_of_each();
  w.ledger.fail_next(MemoryLedger::Call::claim_ids, LedgerError::Kind::again);
  w.ledger.fail_next(MemoryLedger::Call::fence, LedgerError::Kind::again);
  w.source.add(event("a"));
  w.run();
  CHECK(w.effects().size() == 1);
  CHECK(w.lane.handled.size() == 1);
  CHECK(w.observer.pauses.empty());
}

TEST_CASE("a lock that is never to be had is said, waited for like an outage, and holds no drain") {
  const auto call = GENERATE(MemoryLedger::Call::begin, MemoryLedger::Call::claim_ids, MemoryLedger::Call::fence);
  World w;
  w.lane.handler = effect_of_each();
  const LedgerError held{LedgerError::Kind::again, "55P03", "the mark is held"};
  for (int i = 0; i < 20; ++i) w.ledger.fail_next(call, held);
  w.source.add(event("a"));
  SECTION("it comes back at last") {
    w.run();
    CHECK(w.effects().size() == 1);
    REQUIRE(w.observer.pauses.size() == 2);
    CHECK_THAT(w.observer.pauses[0], contains("55P03") && contains("the mark is held"));
    CHECK(w.observer.pauses[1].empty());
    CHECK(w.clock.passed > core::Millis(5'000));
  }
  SECTION("the host is told to stop") {
    w.clock.on_wait = [&] { w.source.drain(); };
    w.pipeline->run_once(core::Millis(0));
    CHECK(w.source.given_back == 1);
    CHECK_FALSE(w.source.settled_to.has_value());
  }
}

TEST_CASE("one long wait for a lock is said at once") {
  World w;
  w.lane.handler = effect_of_each();
  w.ledger.fail_next(MemoryLedger::Call::fence, LedgerError{LedgerError::Kind::again, "55P03", "the mark is held"});
  w.lane.on_fence = [&] { w.clock.passed += core::Millis(32'000); };
  w.source.add(event("a"));
  w.run();
  CHECK(w.effects().size() == 1);
  REQUIRE(w.observer.pauses.size() == 2);
  CHECK_THAT(w.observer.pauses[0], contains("the mark is held"));
}

TEST_CASE("a lost COMMIT reply is resolved by the mark: committed means once, not committed means again") {
  const auto effectful = GENERATE(MemoryLedger::Effectful::yes, MemoryLedger::Effectful::no);
  World w;
  w.lane.handler = effect_of_each();
  w.ledger.lose_next_commit_reply(effectful);
  for (const auto* id : {"a", "b"}) w.source.add(event(id));
  w.run();
  CHECK(w.effects() == std::vector<std::string>{"effect of a", "effect of b"});
  CHECK(w.source.settled_to == core::Offset{2});
  CHECK(w.source.mark.next == core::Offset{2});
}

TEST_CASE("a lost COMMIT reply on a retry topic leaves one effect") {
  const auto effectful = GENERATE(MemoryLedger::Effectful::yes, MemoryLedger::Effectful::no);
  World w;
  w.lane.handler = [](const core::Record& r, HandlerCall& call) {
    call.statements.push_back("effect");
    return r.attempt.value == 1 ? Verdict::retry : Verdict::done;
  };
  w.source.add(event("a"));
  w.run();
  w.ledger.lose_next_commit_reply(effectful);
  w.run_retries(0);
  CHECK(w.effects() == std::vector<std::string>{"effect"});
  CHECK(w.ledger.delegated().empty());
}

TEST_CASE("a stolen mark rolls the batch back: nothing is published, reading goes on where the ledger says") {
  World w;
  w.lane.handler = by_name();
  w.ledger.steal("user-service", "user-events", 0);
  for (const auto* id : {"r1", "b"}) w.source.add(event(id));
  w.run();
  CHECK(w.effects() == std::vector<std::string>{"effect of b"});
  CHECK(w.publisher.on(first_tier).size() == 1);
  CHECK(w.source.settled_to == core::Offset{2});
}

TEST_CASE("a copy that cannot be published stops the partition until it can be, and the record is not lost") {
  World w;
  w.lane.handler = by_name();
  int failures = 3;
  w.publisher.fail = [&](const runtime::OutRecord&) { return failures-- > 0 ? std::optional(FakePublisher::Kind::unavailable) : std::nullopt; };
  for (const auto* id : {"a", "r1"}) w.source.add(event(id));
  w.run();
  CHECK(w.publisher.on(first_tier).size() == 1);
  CHECK(w.effects() == std::vector<std::string>{"effect of a"});
  CHECK(w.source.settled_to == core::Offset{2});
  CHECK(w.lane.handled.size() == 2);  // verdicts stand; handlers are not bothered again
  CHECK_FALSE(w.observer.pauses.empty());
}

TEST_CASE("a retry copy that is too large goes to the dead letters instead of stopping the tier") {
  World w;
  w.lane.handler = by_name();
  w.publisher.fail = [&](const runtime::OutRecord& r) { return r.topic == first_tier ? std::optional(FakePublisher::Kind::too_large) : std::nullopt; };
  w.source.add(event("r1"));
  w.run();
  REQUIRE(w.publisher.on(letters).size() == 1);
  CHECK(w.publisher.on(letters)[0].headers.at("hostler-reason") == "retries-exhausted");
  CHECK(w.source.settled_to == core::Offset{1});
}

TEST_CASE("a dead letter too large loses foreign headers, then its error text, and at last lives in the ledger's row") {
  World w;
  w.lane.handler = [](const core::Record&, HandlerCall& call) {
    call.detail.reason = "long text";
    return Verdict::reject;
  };
  const std::size_t drops = GENERATE(1U, 2U, 3U);
  std::size_t attempts = 0;
  w.publisher.fail = [&](const runtime::OutRecord&) { return ++attempts <= drops ? std::optional(FakePublisher::Kind::too_large) : std::nullopt; };
  w.source.add({std::string("k"), event("x"), {{"trace-id", "t1"}}});
  w.run();
  CHECK(w.source.settled_to == core::Offset{1});
  CHECK(w.lane.handled.size() == 1);
  const auto rows = w.ledger.delegated();
  REQUIRE(rows.size() == 1);
  CHECK(rows.begin()->second.row.state == runtime::RowState::dead);
  if (drops == 3) {
    CHECK(w.publisher.on(letters).empty());
    REQUIRE(rows.begin()->second.record.has_value());
    CHECK_THAT(*rows.begin()->second.record, contains(event("x")) && contains("trace-id"));
    return;
  }
  CHECK_FALSE(rows.begin()->second.record.has_value());
  const auto dead = w.publisher.on(letters);
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].headers.count("trace-id") == 0);
  CHECK(dead[0].headers.count("hostler-error-message") == (drops == 1 ? 1U : 0U));
  CHECK(dead[0].value == event("x"));
}

TEST_CASE("what done records publish goes out before the commit, and nothing of the others") {
  World w;
  w.lane.handler = [](const core::Record& r, HandlerCall& call) {
    call.outputs.push_back("about " + std::string(r.event_id));
    return r.event_id.front() == 'x' ? Verdict::reject : Verdict::done;
  };
  for (const auto* id : {"a", "x1"}) w.source.add(event(id));
  w.run();
  const auto out = w.publisher.on("out");
  REQUIRE(out.size() == 1);
  CHECK(out[0].value == "about a");
}

TEST_CASE("writes through query: the done records run again without the undone ones, until it is stable") {
  World w(user_service(), true);
  w.lane.handler = [](const core::Record& r, HandlerCall& call) {
    call.queried = call.wrote_by_query = true;
    call.statements.push_back("effect of " + std::string(r.event_id));
    return r.event_id.front() == 'r' ? Verdict::retry : Verdict::done;
  };
  for (const auto* id : {"a", "r1", "b"}) w.source.add(event(id));
  w.run();
  CHECK(w.lane.call_sizes == std::vector<std::size_t>{3, 2});
  CHECK(w.effects() == std::vector<std::string>{"effect of a", "effect of b"});
  CHECK(w.publisher.on(first_tier).size() == 1);
}

TEST_CASE("garbage, missing ids and hostile ids end in dead letters with reasons, without reaching the handler") {
  World w;
  w.source.add("not json at all");
  w.source.add(R"({"eventType":"user.created"})");
  w.source.add(R"({"eventId":{"nested":1}})");
  w.source.add(R"({"eventId":""})");
  w.source.add(R"({"eventId":")" + std::string(256, 'x') + R"("})");
  w.source.add(R"({"eventId":"nul\u0000inside"})");
  w.source.add(event("good"));
  w.run();
  CHECK(w.lane.handled == std::vector<std::string>{event("good")});
  const auto dead = w.publisher.on(letters);
  REQUIRE(dead.size() == 6);
  CHECK(dead[0].headers.at("hostler-reason") == "undecodable");
  CHECK(dead[1].headers.at("hostler-reason") == "invalid");
  CHECK_THAT(dead[1].headers.at("hostler-error-message"), contains("/eventId"));
  CHECK_THAT(dead[4].headers.at("hostler-error-message"), contains("255"));
  CHECK(w.source.settled_to == core::Offset{7});
}

TEST_CASE("a missing id can stand for the origin, and a tombstone always does") {
  auto config = user_service();
  config.on_missing_id = core::OnMissingId::origin;
  World w(config);
  w.source.add(R"({"eventType":"user.created"})");
  w.source.add({std::string("user-1"), std::nullopt, {}});
  w.run();
  CHECK(w.observer[Outcome::done] == 2);
  for (const auto& [id, entry] : w.ledger.ids()) {
    CHECK(id.second.front() == '@');
    CHECK(id.second.size() == 33);
  }
}

TEST_CASE("a producer's id that looks like the host's own cannot claim another record's origin") {
  World w;
  w.source.add({std::string("user-1"), std::nullopt, {}});
  w.run();
  const auto own = w.ledger.ids().begin()->first.second;
  w.source.add(event(own));
  w.run();
  CHECK(w.observer[Outcome::done] == 2);
  CHECK(w.ledger.ids().size() == 2);
}

TEST_CASE("copies of other groups are filtered, a stranger's record in a retry topic is dead-lettered once") {
  World w;
  ScriptedSource retry({first_tier, core::Partition{0}});
  retry.tier = 0;
  auto foreign_config = w.config;
  foreign_config.group = "another-group";
  core::Record origin;
  origin.topic = "user-events";
  origin.partition = core::Partition{0};
  origin.offset = core::Offset{5};
  origin.timestamp = origin.first_seen = core::from_epoch_ms(1'700'000'000'000);
  core::Disposition d;
  d.outcome = Outcome::retry;
  d.step = core::Step{1};
  d.attempt = core::Attempt{2};
  retry.add({std::nullopt, event("a"), core::copy_headers(origin, {}, d, foreign_config, nullptr, w.clock.now())});
  retry.add("whatever");
  runtime::Pipeline pipeline(w.parts(retry));
  pipeline.run_once(core::Millis(0));
  CHECK(w.observer[Outcome::filtered] == 1);
  CHECK(w.observer[Outcome::dead] == 1);
  CHECK(w.publisher.on(letters).size() == 1);
  CHECK(w.lane.handled.empty());
  // Delivered again (its offset was not committed): the row says that it has its letter.
  retry.give_back({}, core::Offset{1}, {});
  pipeline.run_once(core::Millis(0));
  CHECK(w.observer[Outcome::duplicate] == 1);
}

TEST_CASE("a stranger's record in a pattern's retry topic stays in the ledger's row when there is no topic for it") {
  auto config = user_service();
  config.topics = {"user-*"};
  World w(config);
  w.publisher.fail = [](const runtime::OutRecord&) { return std::optional(FakePublisher::Kind::topic_missing); };
  ScriptedSource retry({first_tier, core::Partition{0}});
  retry.tier = 0;
  retry.add("whatever");
  runtime::Pipeline pipeline(w.parts(retry));
  pipeline.run_once(core::Millis(0));
  CHECK(retry.settled_to == core::Offset{1});
  REQUIRE(w.ledger.delegated().size() == 1);
  CHECK_THAT(w.ledger.delegated().begin()->second.record.value_or(""), contains("whatever"));
}

TEST_CASE("a copy that was never delegated is not believed") {
  World w;
  ScriptedSource retry({first_tier, core::Partition{0}});
  retry.tier = 0;
  core::Record origin;
  origin.topic = "user-events";
  origin.topic_id = w.source.mark.topic_id;
  origin.partition = core::Partition{0};
  origin.offset = core::Offset{77};
  origin.timestamp = origin.first_seen = core::from_epoch_ms(1'700'000'000'000);
  core::Disposition d;
  d.outcome = Outcome::retry;
  d.step = core::Step{1};
  d.attempt = core::Attempt{2};
  retry.add({std::nullopt, event("forged"), core::copy_headers(origin, {}, d, w.config, nullptr, w.clock.now())});
  runtime::Pipeline pipeline(w.parts(retry));
  pipeline.run_once(core::Millis(0));
  CHECK(w.lane.handled.empty());
  CHECK(w.observer[Outcome::duplicate] == 1);
}

TEST_CASE("idempotency off: no ledger, attempts come from headers and are bounded") {
  auto config = user_service();
  config.idempotency = core::Idempotency::off;
  World w(config);
  w.lane.handler = [](const core::Record&, HandlerCall&) { return Verdict::retry; };
  w.source.add(event("a"));
  w.source.add(event("a"));
  w.run();
  CHECK(w.publisher.on(first_tier).size() == 2);
  for (std::uint32_t tier = 0; tier < 3; ++tier) w.run_retries(tier);
  CHECK(w.publisher.on(letters).size() == 2);
  CHECK(w.ledger.ids().empty());
}

TEST_CASE("idempotency by offset keeps no row per good record and lets twins through") {
  auto config = user_service();
  config.idempotency = core::Idempotency::offset;
  World w(config);
  w.lane.handler = effect_of_each();
  w.source.add(event("a"));
  w.source.add(event("a"));
  w.run();
  CHECK(w.effects().size() == 2);
  CHECK(w.ledger.ids().empty());
  CHECK(w.source.mark.next == core::Offset{2});
}

TEST_CASE("a handler that is unavailable pauses intake and spends no attempt") {
  World w;
  int failures = 2;
  w.lane.fail_batch = [&](const std::vector<const core::Record*>&) -> std::optional<runtime::ExecuteFailure> {
    if (failures-- <= 0) return std::nullopt;
    runtime::ExecuteFailure failure;
    failure.kind = runtime::ExecuteFailure::Kind::unavailable;
    failure.detail.reason = "the mail server is down";
    return failure;
  };
  w.source.add(event("a"));
  w.source.add(event("b"));
  w.run();
  CHECK(w.observer[Outcome::done] == 2);
  CHECK(w.publisher.calls == 0);
  CHECK_THAT(w.observer.pauses.at(0), contains("the mail server is down"));
}

TEST_CASE("draining during an outage gives the batch back instead of waiting for ever") {
  World w;
  for (int i = 0; i < 100; ++i) w.ledger.fail_next(MemoryLedger::Call::begin, LedgerError::Kind::outage);
  w.clock.on_wait = [&] { w.source.drain(); };
  w.source.add(event("a"));
  w.pipeline->run_once(core::Millis(0));
  CHECK(w.source.given_back == 1);
  CHECK_FALSE(w.source.settled_to.has_value());
}

TEST_CASE("event types that a handler does not take are filtered and claim no id, records without a type reach it") {
  World w;
  w.event_types = {"user.updated", "user.deleted"};
  w.pipeline = std::make_unique<runtime::Pipeline>(w.parts(w.source));
  w.source.add(event("created"));
  w.source.add(R"({"eventType":"user.created"})");  // not ours, so its missing id is none of our business
  w.source.add(R"({"eventId":"b","eventType":"user.updated"})");
  w.source.add(R"({"eventId":"c"})");
  w.run();
  CHECK(w.observer[Outcome::filtered] == 2);
  CHECK(w.observer[Outcome::done] == 2);
  CHECK(w.ledger.ids().size() == 2);
  CHECK(w.source.settled_to == core::Offset{4});
}
