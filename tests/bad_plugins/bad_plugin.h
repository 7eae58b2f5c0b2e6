// A file of this folder's plugins/ as built, and what the loader says about it.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>

#include "plugin/loader.h"
#include "support/catch.h"
#include "support/file.h"

namespace hostler::testing {

inline std::string bad_plugin(const std::string& name) {
  return std::string(HOSTLER_BAD_PLUGIN_DIR) + "/" + name + ".so";
}

// Probes are made by the built host; the time limit is short where a test waits for its end.
inline plugin::LoadOptions load_options(core::Millis limit = std::chrono::seconds(20)) {
  plugin::LoadOptions options;
  options.probe.program = HOSTLER_BINARY;
  options.probe.limit = limit;
  return options;
}

// The loader's refusal: one line that begins with the file and has a mend after a semicolon. "(loaded)" if there is none.
inline std::string refusal(const std::string& path, const plugin::LoadOptions& options = load_options()) {
  const auto loaded = plugin::load_plugin(path, options);
  if (loaded) return "(loaded)";
  const std::string& message = loaded.error().message;
  CHECK(message.find('\n') == std::string::npos);
  CHECK(message.starts_with(path + ": "));
  CHECK(message.find("; ") != std::string::npos);
  return message;
}

} // namespace hostler::testing
