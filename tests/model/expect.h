// What the tests of every model say: it is sound, or it is found out.
#pragma once

#include <iostream>
#include <string>

#include "explorer.h"
#include "support/catch.h"

namespace hostler::model {

// Explores everything; counts go to the test's output. A failure shows the shortest trace.
template <class Model>
void require_sound(const std::string& name, const Model& model) {
  const Exploration result = explore(model);
  std::cout << name << ": " << result.counts() << '\n';
  INFO(name << ": " << result.report());
  REQUIRE(result.wrong.empty());
}

// A wrong protocol must be found out; `wrong` is what the explorer has to say of it. Shows how.
template <class Model>
void require_found(const std::string& name, const Model& model, const std::string& wrong) {
  const Exploration result = explore(model);
  std::cout << name << ": " << result.report() << '\n';
  INFO(name << ": " << result.report());
  REQUIRE(result.wrong == wrong);
}

}  // namespace hostler::model
