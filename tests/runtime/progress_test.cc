#include "runtime/progress.h"

#include <chrono>
#include <string>

#include "support/catch.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;
using runtime::LaneProgress;
using Place = LaneProgress::Place;

namespace {

// Where the lane is: "handling", "publishing", "settling", nothing; all that claim it, if there are more.
std::string where(const LaneProgress& progress) {
  const auto health = progress.health(0);
  return std::string(health.handling ? "handling" : "") + (health.publishing ? "publishing" : "") + (health.settling ? "settling" : "");
}

}  // namespace

TEST_CASE("a lane is in one place at a time, and back where it was after an inner visit") {
  LaneProgress progress;
  CHECK(where(progress).empty());
  {
    const LaneProgress::Visit handler(&progress, Place::handler);
    CHECK(where(progress) == "handling");
    for (int query = 0; query < 2; ++query) {
      const LaneProgress::Visit waits(&progress, Place::ledger);
      CHECK(where(progress) == "settling");
      for (int row = 0; row < 2; ++row) {
        const LaneProgress::Visit takes(&progress, Place::handler);
        CHECK(where(progress) == "handling");
      }
      CHECK(where(progress) == "settling");
    }
    CHECK(where(progress) == "handling");
  }
  CHECK(where(progress).empty());
  const LaneProgress::Visit nobody(nullptr, Place::ledger);
  CHECK(where(progress).empty());
}

TEST_CASE("what a handler waits for the database is not its own time, what it does with rows is") {
  using std::chrono::steady_clock;
  LaneProgress progress;
  const auto handling = [&] { return progress.health(0).handling.value(); };
  const auto settling = [&] { return progress.health(0).settling.value(); };
  const auto since = [](steady_clock::time_point then) { return std::chrono::ceil<core::Millis>(steady_clock::now() - then); };
  const auto began = steady_clock::now();
  core::Millis waited{0};
  {
    const LaneProgress::Visit handler(&progress, Place::handler);
    {
      const LaneProgress::Visit waits(&progress, Place::ledger);
      REQUIRE(eventually(5s, [&] { return settling() >= 100ms; }));
      waited = settling();
      {
        const LaneProgress::Visit takes(&progress, Place::handler);
        REQUIRE(eventually(5s, [&] { return handling() >= 50ms; }));
        CHECK(handling() + waited <= since(began));
      }
      CHECK(settling() >= waited);  // goes on where it was
    }
    CHECK(handling() >= 50ms);
    CHECK(handling() + waited <= since(began));
    const auto asked = steady_clock::now();
    const LaneProgress::Visit waits(&progress, Place::ledger);
    CHECK(settling() <= since(asked));  // another question
  }
  const auto called = steady_clock::now();
  const LaneProgress::Visit handler(&progress, Place::handler);
  CHECK(handling() <= since(called));  // another call
}
