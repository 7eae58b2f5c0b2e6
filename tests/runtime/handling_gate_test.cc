#include "runtime/handling_gate.h"

#include <atomic>
#include <thread>
#include <vector>

#include "support/catch.h"
#include "support/wait.h"

using hostler::runtime::HandlingGate;
using namespace hostler::testing;
using Company = HandlingGate::Company;

namespace {
const auto patient = [] { return true; };
}

TEST_CASE("calls keep each other company, a suspect has none") {
  HandlingGate gate;
  std::atomic<int> together{0}, most_together{0}, alone{0};
  std::atomic<bool> disturbed{false};
  std::vector<std::thread> lanes;
  for (int lane = 0; lane < 4; ++lane) {
    lanes.emplace_back([&, lane] {
      for (int i = 0; i < 2000; ++i) {
        const bool suspect = lane == 0 && i % 10 == 0;
        const HandlingGate::Turn turn(&gate, suspect ? Company::none : Company::welcome, patient);
        const int now = ++together;
        if (suspect ? now != 1 : alone != 0) disturbed = true;
        if (suspect) ++alone;
        most_together = std::max(most_together.load(), now);
        std::this_thread::yield();
        if (suspect) {
          if (together != 1) disturbed = true;
          --alone;
        }
        --together;
      }
    });
  }
  for (auto& lane : lanes) lane.join();
  CHECK_FALSE(disturbed);
  CHECK(most_together > 1);
}

TEST_CASE("who wants no company is not kept waiting by those who come later") {
  HandlingGate gate;
  REQUIRE(gate.enter(Company::welcome, patient));
  std::atomic<bool> suspect_in{false}, later_in{false}, leave{false}, asked{false};
  std::thread suspect([&] {
    const HandlingGate::Turn turn(&gate, Company::none, [&] { return asked = true; });
    suspect_in = true;
    while (!leave) std::this_thread::yield();
  });
  REQUIRE(eventually(5s, [&] { return asked.load(); }));  // it waits
  std::thread later([&] {
    const HandlingGate::Turn turn(&gate, Company::welcome, patient);
    later_in = true;
  });
  CHECK(stays(100ms, [&] { return !suspect_in && !later_in; }));
  gate.leave();
  REQUIRE(eventually(5s, [&] { return suspect_in.load(); }));
  CHECK(stays(100ms, [&] { return !later_in; }));
  leave = true;
  suspect.join();
  later.join();
  CHECK(later_in);
}

TEST_CASE("a turn that is no longer wanted is given up, and nobody waits for it any more") {
  HandlingGate gate;
  REQUIRE(gate.enter(Company::welcome, patient));
  CHECK_FALSE(gate.enter(Company::none, [] { return false; }));
  CHECK(gate.enter(Company::welcome, [] { return false; }));
  gate.leave();
  gate.leave();
  CHECK(gate.enter(Company::none, [] { return false; }));
  CHECK_FALSE(gate.enter(Company::welcome, [] { return false; }));
  gate.leave();
  CHECK(HandlingGate::Turn(nullptr, Company::none, patient).entered());
}
