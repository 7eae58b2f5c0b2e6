#include "runtime/intake.h"

#include "support/catch.h"
#include "world.h"

using namespace hostler;
using namespace hostler::testing;
using namespace std::chrono_literals;
using core::BreakerState;
using core::Outcome;
using core::Verdict;
using runtime::LedgerError;
using Answer = runtime::Intake::Answer;
using Change = runtime::Intake::Change;
using Cause = core::Breaker::Cause;

namespace {

core::BreakerPolicy four_of_them() { return {0.5, 30s, 4}; }

// One lane under a breaker. Verdict by the event id's first letter: r retry, x reject, else done with an effect; while `down`, the
// handler says that it is unavailable.
struct Guarded : World {
  runtime::Intake intake{four_of_them()};
  bool down = false;

  Guarded() {
    config.breaker = four_of_them();
    lane.handler = [](const core::Record& r, HandlerCall& call) {
      call.statements.push_back("effect of " + std::string(r.event_id));
      return r.event_id.front() == 'r' ? Verdict::retry : r.event_id.front() == 'x' ? Verdict::reject : Verdict::done;
    };
    lane.fail_batch = [this](const std::vector<const core::Record*>&) -> std::optional<runtime::ExecuteFailure> {
      if (!down) return std::nullopt;
      runtime::ExecuteFailure failure;
      failure.kind = runtime::ExecuteFailure::Kind::unavailable;
      failure.detail.reason = "the mail server is down";
      return failure;
    };
    auto made = parts(source);
    made.intake = &intake;
    pipeline = std::make_unique<runtime::Pipeline>(made);
  }
  void add(const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) source.add(event(prefix + std::to_string(added++)));
  }
  // Turns of the lane for this long.
  void turn_for(core::Millis time) {
    const auto until = clock.passed + time;
    while (clock.passed < until) {
      if (!pipeline->run_once(50ms)) clock.passed += 1ms;  // an empty source does not wait
    }
  }
  int added = 0;
};

}  // namespace

TEST_CASE("intake: one lane probes while the others wait, and who found nothing lets another look") {
  runtime::Intake intake(four_of_them());
  const int a = 0, b = 0;
  core::SteadyTime now{1h};
  CHECK(intake.ask(&a, true, now) == Answer::open);
  CHECK(intake.outage(&a, Cause::database, "down", now) == Change::stopped);
  CHECK(intake.outage(&b, Cause::database, "down", now) == Change::none);
  CHECK(intake.ask(&a, true, now) == Answer::wait);
  now += 1s;
  CHECK(intake.ask(&a, true, now) == Answer::probe);
  CHECK(intake.ask(&a, true, now) == Answer::probe);
  CHECK(intake.ask(&b, true, now) == Answer::wait);
  CHECK(intake.settled(&b, {5, 0, 0}, true, now) == Change::none);  // a batch from before
  CHECK(intake.outage(&b, Cause::database, "another", now) == Change::none);
  CHECK(intake.leave(&a, true, now));
  CHECK_FALSE(intake.leave(&a, true, now));
  CHECK(intake.ask(&a, true, now) == Answer::wait);
  CHECK(intake.ask(&b, true, now) == Answer::probe);
  CHECK(intake.leave(&b, true, now));
  CHECK(intake.ask(&a, true, now) == Answer::wait);  // both have looked just now
  now += 100ms;
  CHECK(intake.ask(&b, true, now) == Answer::probe);
  CHECK(intake.settled(&b, {1, 0, 0}, true, now) == Change::flows);
  CHECK(intake.ask(&a, true, now) == Answer::open);
}

TEST_CASE("intake: lanes of retried records leave the probe to fresh ones, for a moment") {
  runtime::Intake intake(four_of_them());
  const int fresh = 0, retried = 0;
  core::SteadyTime now{1h};
  CHECK(intake.outage(&fresh, Cause::database, "down", now) == Change::stopped);
  now += 1s;
  CHECK(intake.ask(&retried, false, now) == Answer::wait);
  CHECK(intake.ask(&fresh, true, now) == Answer::probe);
  CHECK(intake.outage(&fresh, Cause::database, "down", now) == Change::none);
  now += 3s;
  CHECK(intake.ask(&retried, false, now) == Answer::probe);
}

TEST_CASE("intake: fresh lanes that have nothing to probe with do not keep retried records from it") {
  runtime::Intake intake(four_of_them());
  const int fresh = 0, another = 0, retried = 0;
  core::SteadyTime now{1h};
  CHECK(intake.outage(&retried, Cause::database, "down", now) == Change::stopped);
  bool probed = false;
  for (int turn = 0; turn < 300 && !probed; ++turn) {
    now += 10ms;
    for (const auto* lane : {&fresh, &another})
      if (intake.ask(lane, true, now) == Answer::probe) CHECK(intake.leave(lane, true, now));
    probed = intake.ask(&retried, false, now) == Answer::probe;
  }
  CHECK(probed);
  CHECK(now < core::SteadyTime{1h + 2s});
}

TEST_CASE("intake: records that tell nothing of a handler end an outage of the database, and not the handler's own") {
  for (const auto cause : {Cause::database, Cause::handler}) {
    runtime::Intake intake(four_of_them());
    const int lane = 0;
    core::SteadyTime now{1h};
    CHECK(intake.outage(&lane, cause, "down", now) == Change::stopped);
    now += 1s;
    CHECK(intake.ask(&lane, true, now) == Answer::probe);
    CHECK(intake.settled(&lane, {}, true, now) == (cause == Cause::database ? Change::flows : Change::none));  // duplicates
    CHECK(intake.leave(&lane, false, now) == (cause == Cause::handler));
    CHECK(intake.ask(&lane, true, now) == (cause == Cause::database ? Answer::open : Answer::probe));  // at once: there is more of it
  }
}

TEST_CASE("a handler that is unavailable is probed with one record, and no record spends an attempt") {
  Guarded w;
  w.down = true;
  w.add("a", 10);
  w.turn_for(20s);
  CHECK(w.intake.health().state != BreakerState::closed);
  CHECK(w.intake.because() == "handler: the mail server is down");
  CHECK(w.lane.call_sizes.size() < 12);  // growing pauses
  CHECK(w.effects().empty());
  CHECK(w.publisher.calls == 0);
  CHECK(w.observer.pauses == std::vector<std::string>{"handler: the mail server is down"});
  w.down = false;
  w.lane.call_sizes.clear();
  w.turn_for(6s);
  CHECK(w.effects().size() == 10);
  CHECK(w.intake.health().state == BreakerState::closed);
  CHECK(w.intake.health().opened == 1);
  CHECK(w.lane.call_sizes == std::vector<std::size_t>{1, 9});  // the probe, then the rest
  CHECK(w.observer.pauses.back().empty());
}

TEST_CASE("records that fail open the breaker, but poison in a row does not hold it open") {
  Guarded w;
  w.config.batch.max_records = 1;
  w.add("r", 8);
  w.add("a", 5);
  w.turn_for(400ms);
  CHECK(w.observer[Outcome::retry] == 4);
  CHECK(w.intake.health().state == BreakerState::open);
  CHECK(w.intake.because() == "4 of the last 4 records failed");
  w.turn_for(15s);  // 0.5 + 1 + 2 + 4 s for the four that are left, 5 s for the first good one
  CHECK(w.observer[Outcome::retry] == 8);
  CHECK(w.effects().size() == 5);
  CHECK(w.intake.health().state == BreakerState::closed);
}

TEST_CASE("rejected and invalid records never stop intake") {
  Guarded w;
  w.config.batch.max_records = 1;
  w.add("x", 20);
  for (int i = 0; i < 20; ++i) w.source.add("no JSON");
  w.turn_for(1s);
  CHECK(w.observer[Outcome::dead] == 40);
  CHECK(w.intake.health().opened == 0);
}

TEST_CASE("a missing table opens the breaker and dead-letters nothing") {
  Guarded w;
  w.add("a", 5);
  for (int i = 0; i < 10; ++i) w.ledger.fail_next(MemoryLedger::Call::run, {LedgerError::Kind::handler, "42P01", "relation \"users\" does not exist"});
  w.turn_for(30s);
  CHECK(w.effects().size() == 5);
  CHECK(w.publisher.calls == 0);
  CHECK(w.intake.health().opened == 1);
  CHECK(w.intake.health().state == BreakerState::closed);
}
