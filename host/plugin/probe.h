// Loads a plugin in a child process first: a static constructor that throws, crashes, exits or hangs takes the child with it and
// not the host, and leaves a reason. The child is this program again, with the hidden words of probe_words. One thread per call.
#pragma once

#include <array>
#include <string>

#include "core/result.h"
#include "core/types.h"
#include "plugin/description.h"
#include "plugin/sealed_copy.h"

namespace hostler::plugin {

inline constexpr std::array<const char*, 2> probe_words = {"plugin", "probe"};

struct ProbeOptions {
  std::string program =
      "/proc/self/exe"; // what to start: the host's binary, which answers to probe_words by run_probe()
  core::Millis limit{5'000};
};

// What the plugin says about itself, or reason and mend, without the path. Blocks for at most `limit`.
[[nodiscard]] core::Result<PluginDescription> probe(const SealedCopy& copy, const ProbeOptions& options);

// The child's side: what main() does for probe_words. Returns an exit code only if it was not started by probe().
int run_probe();

} // namespace hostler::plugin
