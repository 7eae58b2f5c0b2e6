// How many worlds a test tries. One test at a time.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

#include "runtime/log.h"

namespace hostler::testing {

// HOSTLER_INTERLEAVE_SEED=n repeats a failing seed alone; HOSTLER_INTERLEAVE_SEEDS=n tries so many.
template <class Run>
void for_seeds(const Run& run) {
  runtime::set_log_level(runtime::LogLevel::error);
  const char* one = std::getenv("HOSTLER_INTERLEAVE_SEED");
  if (one != nullptr) return run(std::uint64_t{std::stoull(one)});
  const char* many = std::getenv("HOSTLER_INTERLEAVE_SEEDS");
  const std::uint64_t seeds = many != nullptr ? std::stoull(many) : 25;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) run(seed);
}

} // namespace hostler::testing
