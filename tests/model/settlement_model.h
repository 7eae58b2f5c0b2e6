// The settlement protocol as a model for the explorer: two owners of a partition, two retry workers, and a world that fails them.
// Decides by core::route and core::admit_copy, so that model and host cannot part.
#pragma once

#include <string_view>

#include "explorer.h"
#include "rules.h"
#include "world.h"

namespace hostler::model {

class SettlementModel {
 public:
  using State = model::State;
  explicit SettlementModel(Scenario scenario) : rules_(std::move(scenario)) {}

  [[nodiscard]] State initial() const;
  void steps(const State& s, Steps<State>& out) const;
  [[nodiscard]] std::string_view wrong(const State& s) const;
  [[nodiscard]] bool good_end(const State& s) const;
  // Owners of one partition are interchangeable, and so are workers.
  [[nodiscard]] State canonical(const State& s) const;

 private:
  [[nodiscard]] bool settled_well(const State& s, u8 event) const;
  const Rules rules_;
};

}  // namespace hostler::model
