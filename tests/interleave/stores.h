// The ledgers that hosts are interleaved on, and what can be seen of them from outside. Touched by whoever holds the baton.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "interleave/world.h"
#include "runtime/ledger.h"

namespace hostler::testing {

using Events = std::vector<std::vector<std::string>>; // ids by partition, in the order of their offsets
using Origin = std::pair<std::int32_t, std::int64_t>; // partition, offset

struct DeadRow {
  std::int64_t step = 0;
  bool keeps_record = false; // no letter fitted: the row is the letter
};

// What the database holds.
struct Outcome {
  std::map<std::string, int> effects; // by event
  std::map<Origin, DeadRow> dead;
  std::map<Origin, std::int64_t> waiting; // step of the rows in state retry
  std::map<std::string, std::string> ids; // state by event
};

class Store {
 public:
  virtual ~Store() = default;
  virtual runtime::Ledger& ledger() = 0;
  virtual Outcome outcome() = 0;
  // As it is committed; {} if there is none yet.
  virtual core::Mark mark(std::int32_t partition) = 0;
};

[[nodiscard]] std::unique_ptr<Store> make_row_store(World& world, const Events& events);
[[nodiscard]] std::unique_ptr<Store> make_sqlite_store();

} // namespace hostler::testing
