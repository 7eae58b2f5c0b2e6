// ${env:NAME}, ${file:PATH} and ${credential:NAME} inside string values, so that secrets stay out of the file.
// Used inside config/ only. Thread-safety: one thread; reads the process environment and files.
#pragma once

#include <optional>
#include <string>

#include "config/document.h"

namespace hostler::config {

// Replaces them everywhere in the document; $${ stands for ${. What cannot be had is an error at its string. Values that come
// in this way are hidden in every later error of `problems`.
void substitute(Node& document, const Environment& environment, Problems& problems);

// The content of a file that holds a secret and nothing else: without the line's end. Errors are reported at `at`.
[[nodiscard]] std::optional<std::string> read_secret_file(const std::string& path, const Position& at, Problems& problems);

} // namespace hostler::config
