// [handler.config] as the JSON text that the plugin is handed. Used inside config/ only. Thread-safety: pure.
#pragma once

#include <string>

#include "config/document.h"

namespace hostler::config {

// Compact JSON. Dates and times become RFC 3339 strings; nan and inf, which JSON does not have, are reported.
[[nodiscard]] std::string to_json(const Node& node, Problems& problems);

} // namespace hostler::config
