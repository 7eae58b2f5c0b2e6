// Deliberate defects for the tests of tests: with HOSTLER_MUTANT=<name> in the environment, tests/interleave puts one between the real pipeline
// and its ports. The product knows nothing of them. Which there are, and how to try them all: README.md.
// Thread-safety: a Mutation belongs to one life of one host.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "runtime/clock.h"
#include "runtime/lane.h"
#include "runtime/ledger.h"
#include "runtime/publisher.h"
#include "runtime/source.h"

namespace hostler::testing {

// The ports as a host is to use them; they live as long as this. Without a defect in a port it is handed back as it is.
class Mutation {
 public:
  // The mark of a source partition as it is committed.
  using Marks = std::function<core::Mark(std::int32_t partition)>;

  virtual ~Mutation() = default;
  virtual runtime::Ledger& of(runtime::Ledger& ledger) { return ledger; }
  virtual runtime::Publisher& of(runtime::Publisher& publisher) { return publisher; }
  virtual runtime::Source& of(runtime::Source& source) { return source; }
  virtual runtime::Lane& of(runtime::Lane& lane) { return lane; }     // after its source
  virtual runtime::Clock& of(runtime::Clock& clock) { return clock; } // the sources' clock
};

// By HOSTLER_MUTANT; without it nothing is changed. A name that nobody has ends the program: no test must fail for that.
// `state`: a folder of the host's own, which its next life finds again.
[[nodiscard]] std::unique_ptr<Mutation> make_mutation(const Mutation::Marks& marks,
                                                      const std::filesystem::path& state);

} // namespace hostler::testing
