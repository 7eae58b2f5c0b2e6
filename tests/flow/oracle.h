// The one judge of what a run left behind: the producer's acknowledged records against effects, dead letters, the ledger and the committed
// offsets. Each acknowledged record must have exactly one effect or exactly one valid dead letter. Call it when everything is settled.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "flow/host_fixture.h"

namespace hostler::flow {

// A retry topic's delay, as its name has it and in milliseconds.
struct Tier {
  std::string delay;
  std::int64_t millis = 0;
};

struct Case {
  std::vector<std::string> topics;
  std::vector<Tier> tiers = {{"1s", 1000}, {"2s", 2000}, {"4s", 4000}};
  int max_retries = 3;
  std::string effects_table = "effects";
  std::set<std::string> letters_gone; // events whose letters may have been deleted
  bool accounts = false; // there are some
};

struct Judgement {
  std::size_t records = 0, effects = 0, dead = 0; // events (twins are one), and what became of them
  std::size_t lost = 0, twice = 0,
              both = 0;  // neither effect nor valid letter; more than one effect; an effect and a dead row
  std::size_t wrong = 0; // an effect where a letter belongs, or the other way round
  std::size_t no_letter = 0;             // dead rows without a letter at their step
  std::size_t early = 0, over_limit = 0; // deliveries before they were due; attempts beyond the limit
  std::size_t sums = 0;                  // accounts whose balance is not what the effects say
  std::size_t unsettled = 0; // retry rows, marks that are not at the end, offsets beyond their mark
  std::size_t orphans = 0; // letters that are not valid: allowed after a death, and told apart by their step
  std::vector<std::string> examples; // of what is wrong, a few
  [[nodiscard]] bool good() const {
    return lost + twice + both + wrong + no_letter + early + over_limit + sums + unsettled == 0;
  }
  [[nodiscard]] std::string text() const;
};

[[nodiscard]] Judgement judge(World& world, const Case& what);

} // namespace hostler::flow
