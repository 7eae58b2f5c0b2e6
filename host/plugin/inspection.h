// Everything that can be found out about a plugin's file without loading it here: the loader's checks, none of which ends the others.
// Used by `hostler plugin inspect`. One thread; blocks as long as a probe.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "plugin/description.h"
#include "plugin/elf_file.h"
#include "plugin/probe.h"

namespace hostler::plugin {

struct Inspection {
  std::string path;        // without symbolic links; empty if there is no such file
  std::string owner, mode; // "root", "0644"
  std::uint64_t bytes = 0;
  std::string sha256;
  std::optional<ElfFacts> elf;
  std::optional<PluginDescription>
      description; // missing if the probe failed, or was not made because of what was found before
  std::vector<std::string> problems; // each with its mend, without the path; empty: the host would load it
};

[[nodiscard]] Inspection inspect_plugin(const std::string& path, const ProbeOptions& probe);

} // namespace hostler::plugin
