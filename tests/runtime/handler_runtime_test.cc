// A handler's threads as the health report sees them.
#include <stdexcept>
#include <thread>

#include "core/health.h"
#include "fakes/fake_publisher.h"
#include "fakes/manual_clock.h"
#include "fakes/scripted_lane.h"
#include "fakes/scripted_source.h"
#include "runtime/handler_runtime.h"
#include "support/catch.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

// One partition, assigned from the start.
class ScriptedConsumer final : public runtime::Consumer {
 public:
  ScriptedConsumer() { source_.with_mark = false; }
  ScriptedSource& script() { return source_; }
  runtime::Source& source(std::size_t) override { return source_; }
  core::Status<> start() override { return core::Status<>::success(); }
  void drain() override { source_.drain(); }
  void close() override {}
  [[nodiscard]] runtime::ConsumerState state() const override {
    runtime::ConsumerState state;
    state.joined = true;
    return state;
  }

 private:
  ScriptedSource source_{{"user-events", core::Partition{0}}};
};

class NoTopics final : public runtime::Admin {
 public:
  core::Result<std::vector<runtime::TopicInfo>> topics() override { return std::vector<runtime::TopicInfo>(); }
  core::Result<std::optional<runtime::TopicInfo>> topic(const std::string&) override { return std::optional<runtime::TopicInfo>(); }
  core::Result<std::map<std::string, std::string>> settings(const std::string&) override { return std::map<std::string, std::string>(); }
  core::Status<> create(std::span<const runtime::TopicSpec>) override { return core::Status<>::success(); }
  core::Result<std::string> cluster_id() override { return std::string("none"); }
};

struct OneHandler {
  core::HostConfig host;
  core::HandlerConfig config;
  NoTopics admin;
  FakePublisher publisher;
  runtime::SystemClock clock;
  CountingObserver observer;
  ScriptedConsumer* consumer = nullptr;
  ScriptedLane::Handler handler;
  std::unique_ptr<runtime::HandlerRuntime> runtime;

  OneHandler() {
    config.name = "user-service";
    config.group = "users";
    config.topics = {"user-events"};
    config.idempotency = core::Idempotency::off;
    config.retry.max_retries = 0;
    config.timeout = core::Millis(300);
  }
  void start(const std::vector<std::string>& values) {
    runtime = std::make_unique<runtime::HandlerRuntime>(runtime::HandlerParts{
        host, config,
        [this](std::uint32_t, runtime::LaneProgress&) -> core::Result<std::unique_ptr<runtime::Lane>> {
          auto lane = std::make_unique<ScriptedLane>(config, nullptr);
          lane->handler = handler;
          return std::unique_ptr<runtime::Lane>(std::move(lane));
        },
        [this, values](runtime::Assignments&) -> std::unique_ptr<runtime::Consumer> {
          auto made = std::make_unique<ScriptedConsumer>();
          for (const auto& value : values) made->script().add(value);
          consumer = made.get();
          return made;
        },
        {}, publisher, admin, nullptr, observer, clock, {}, false});
    REQUIRE(runtime->start());
  }
  [[nodiscard]] core::Assessment assessment() const {
    core::HostHealth health;
    health.handlers.push_back(runtime->health());
    return core::assess(health);
  }
};

}  // namespace

TEST_CASE("truth: a lane whose thread is over makes the host dead, and nothing of its batch is settled") {
  OneHandler one;
  one.handler = [](const core::Record&, HandlerCall&) -> core::Verdict { throw std::runtime_error("a defect of the host"); };
  one.start({"value"});
  REQUIRE(eventually(5s, [&] { return !one.assessment().live; }));
  const auto seen = one.assessment();
  CHECK_FALSE(seen.ready);
  CHECK(seen.problems.front().component == "handler user-service");
  CHECK(seen.problems.front().what == "lane 0 has ended");
  CHECK_FALSE(one.consumer->script().settled_to);
}

TEST_CASE("a lane is handling while its handler runs, dead once that takes longer than its timeout, and idle afterwards") {
  OneHandler one;
  std::atomic<bool> go{false};
  one.handler = [&](const core::Record&, HandlerCall&) {
    while (!go) std::this_thread::sleep_for(1ms);  // a handler that is busy until the test says so
    return core::Verdict::done;
  };
  one.start({"value"});
  REQUIRE(eventually(5s, [&] { return one.runtime->health().lanes.at(0).handling.has_value(); }));
  REQUIRE(eventually(5s, [&] { return !one.assessment().live; }));
  CHECK_THAT(one.assessment().problems.front().what, contains("has been in the handler's code for "));
  go = true;
  REQUIRE(eventually(5s, [&] { return one.assessment().live; }));
  CHECK_FALSE(one.runtime->health().lanes.at(0).handling);
}
