// Which faults the tests of the settlement model let happen.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "expect.h"
#include "settlement_model.h"

namespace hostler::model {

using NamedFaults = std::pair<std::string, Faults>;

inline const std::vector<NamedFaults> each_alone = {
    {"no fault", {}},
    {"crash", {.crash = 1}},
    {"killed session", {.kill = 1}},
    {"lost COMMIT reply", {.lost = 1}},
    {"late produce", {.late = 1}},
    {"replay", {.replay = 1}},
    {"retry offset set back", {.reread = 1}},
    {"rewind", {.rewind = 1}},
};

inline void require_sound(Scenario scenario, const std::vector<NamedFaults>& faults) {
  for (const auto& [name, allowed] : faults) {
    scenario.faults = allowed;
    require_sound(name, SettlementModel(scenario));
  }
}

}  // namespace hostler::model
