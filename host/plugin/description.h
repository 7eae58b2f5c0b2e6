// What a plugin says about itself in its table: read in the process that probes it, carried as JSON to the one that asked.
// Thread-safety: pure.
#pragma once

#include <hostler/plugin.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace hostler::plugin {

struct HandlerDescription {
  std::string id, version, description;
  std::uint32_t flags = 0;
  std::string event_types;   // comma separated; empty: all
  std::string config_schema; // JSON Schema; empty: none
};

struct PluginDescription {
  unsigned abi_major = 0, abi_minor_built = 0, abi_minor_required = 0;
  std::vector<HandlerDescription> handlers;
};

// The version gate: another major never; while major is 0 the minor it was built with must be ours; later what it requires. Also
// that the table is all there. The error has reason and mend, without the path.
[[nodiscard]] core::Status<> check_table(const hostler_plugin* table);

// Precondition: the table passed the gate. The error has reason and mend, without the path.
[[nodiscard]] core::Result<PluginDescription> describe(const hostler_plugin& table);

// One line; text that is not UTF-8 is replaced.
[[nodiscard]] std::string to_json(const core::Result<PluginDescription>& description);
// The other direction; an error also when the text is none of to_json's.
[[nodiscard]] core::Result<PluginDescription> from_json(std::string_view text);

// "ENQUEUES", "SINGLE_LANE", …; unknown ones as a number.
[[nodiscard]] std::vector<std::string> flag_names(std::uint32_t flags);

// `text` on one line: control characters become blanks, runs of blanks one; cut after `most` bytes.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t most = 1000);

} // namespace hostler::plugin
