// What the demo makes of a scripted feed of the runtime's observer.
#include "cli/demo_stats.h"

#include "support/catch.h"

namespace hostler::cli {
namespace {

using core::Outcome;
using std::chrono::milliseconds;

class ManualClock final : public runtime::Clock {
 public:
  [[nodiscard]] core::Timestamp now() const override { return core::from_epoch_ms(ms); }
  [[nodiscard]] core::SteadyTime steady() const override { return core::SteadyTime(milliseconds(ms)); }
  void wait(core::Millis time) override { ms += time.count(); }
  std::int64_t ms = 1'000'000;
};

core::HostConfig one_handler() {
  core::HostConfig config;
  core::HandlerConfig handler;
  handler.name = "user-service";
  handler.group = "g";
  handler.topics = {"user-events"};
  handler.retry.delays = {{"2s", std::chrono::seconds(2)}, {"4s", std::chrono::seconds(4)}};
  config.handlers.push_back(handler);
  return config;
}

// Plays the runtime: notes and settles records of partition 0 of user-events.
class Script {
 public:
  explicit Script(DemoStats& stats, ManualClock& clock) : stats_(stats), clock_(clock) {}

  void note(std::int64_t offset, Outcome outcome, std::uint32_t attempt, std::uint32_t tier = 0,
            std::string_view reason = "") {
    core::Record record;
    record.topic = "user-events";
    record.partition = {0};
    record.offset = {offset};
    record.attempt = {attempt};
    const std::string id = "evt-" + std::to_string(offset);
    record.event_id = id;
    core::Disposition d;
    d.outcome = outcome;
    d.tier = tier;
    d.attempt = {outcome == Outcome::retry ? attempt + 1 : attempt};
    d.reason = outcome == Outcome::dead ? core::DeadReason::rejected : core::DeadReason::none;
    if (outcome == Outcome::retry) d.due = clock_.now() + std::chrono::seconds(tier == 0 ? 2 : 4);
    const core::TopicPartition where{"user-events", {0}};
    stats_.record_noted({"user-service", &record, &where, d, reason});
  }
  void settle(int tier, std::initializer_list<std::pair<Outcome, std::uint64_t>> outcomes) {
    runtime::SettledCounts counts;
    for (const auto& [outcome, n] : outcomes) counts.by_outcome[static_cast<std::size_t>(outcome)] = n;
    const std::string topic =
        tier < 0 ? "user-events" : "user-events.g.retry." + std::string(tier == 0 ? "2s" : "4s");
    stats_.batch_settled("user-service", {topic, {0}}, tier, counts, milliseconds(1));
  }

 private:
  DemoStats& stats_;
  ManualClock& clock_;
};

TEST_CASE("a failing record is waited for in each tier and leaves when it is done") {
  const auto config = one_handler();
  ManualClock clock;
  DemoStats stats(config, clock);
  Script script(stats, clock);
  script.note(7, Outcome::retry, 1, 0, "down");
  script.settle(-1, {{Outcome::done, 3}, {Outcome::retry, 1}});

  auto counts = stats.snapshot();
  CHECK(counts.handlers.at("user-service").read() == 4);
  CHECK(counts.handlers.at("user-service").settled() == 3);
  REQUIRE(counts.waiting.size() == 1);
  CHECK(counts.waiting[0].event_id == "evt-7");
  CHECK(counts.waiting[0].attempt == 2);
  CHECK(counts.waiting[0].due == clock.now() + std::chrono::seconds(2));
  CHECK(counts.fates.back().text == "failed, attempt 2 in 2s");

  clock.ms += 2000;
  script.note(7, Outcome::retry, 2, 1, "down");
  script.settle(0, {{Outcome::retry, 1}});
  counts = stats.snapshot();
  REQUIRE(counts.waiting.size() == 1);
  CHECK(counts.waiting[0].attempt == 3);
  CHECK(counts.waiting[0].delay == "4s");

  clock.ms += 4000;
  script.settle(1, {{Outcome::done, 1}});
  counts = stats.snapshot();
  CHECK(counts.waiting.empty());
  CHECK(counts.handlers.at("user-service").settled() == 4);
  CHECK(counts.handlers.at("user-service").ended(Outcome::done) == 4);
  CHECK(counts.fates.back().text == "done on attempt 3, 6.0 s after it first failed");
}

TEST_CASE("only the copies that were settled leave, in their order") {
  const auto config = one_handler();
  ManualClock clock;
  DemoStats stats(config, clock);
  Script script(stats, clock);
  for (std::int64_t offset : {1, 2, 3}) script.note(offset, Outcome::retry, 1);
  script.settle(-1, {{Outcome::retry, 3}});
  script.note(2, Outcome::dead, 2, 0, "userId is missing");
  script.settle(0, {{Outcome::done, 1}, {Outcome::dead, 1}});
  const auto counts = stats.snapshot();
  REQUIRE(counts.waiting.size() == 1);
  CHECK(counts.waiting[0].event_id == "evt-3");
  CHECK(counts.handlers.at("user-service").ended(Outcome::dead) == 1);
}

TEST_CASE("repeated copies on retry topics are no records of their own") {
  HandlerCounts counts;
  counts.source[static_cast<std::size_t>(Outcome::retry)] = 1;
  counts.retry[static_cast<std::size_t>(Outcome::duplicate)] = 1;
  counts.retry[static_cast<std::size_t>(Outcome::done)] = 1;
  CHECK(counts.read() == 1);
  CHECK(counts.settled() == 1);
  CHECK(counts.ended(Outcome::duplicate) == 0);
}

} // namespace
} // namespace hostler::cli
