// The variables that the platforms' documents name, as if a file stated them: each stands for one key of [host], [kafka] or
// [defaults], and counts only where the files leave that key open.
// Used inside config/ only. Thread-safety: one thread.
#pragma once

#include <string>
#include <vector>

#include "config/document.h"

namespace hostler::config {

// Puts the variables' values into the document, with the variable as their place. Returns the names of those that took effect.
std::vector<std::string> apply_environment(Node& document, const Environment& environment, Problems& problems);

} // namespace hostler::config
