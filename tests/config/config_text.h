// A configuration in the making: TOML text in a temporary folder, loaded; what came out as text to compare.
#pragma once

#include <string>
#include <vector>

#include "config/load_config.h"
#include "support/temp_dir.h"

namespace hostler::testing {

// The least that loads.
inline const std::string minimal = R"([kafka]
brokers = ["localhost:9092"]
[ledger]
url = "sqlite:///tmp/ledger.db"
[[handler]]
name = "users"
plugin = "users.so"
handler = "example.users"
topics = ["user-events"]
group = "users-group"
start = "earliest"
event_id = "json:/eventId"
)";

using Loaded = core::Result<core::HostConfig, config::ConfigErrors>;

inline Loaded load(const std::string& toml, const config::Environment& environment = {}) {
  const TempDir folder;
  return config::load_config(folder.write("hostler.toml", toml).string(), environment);
}

// What is wrong with it, a line each, without the folder: "hostler.toml:3:1: …". Empty if it loads.
inline std::vector<std::string> errors_of(const std::string& toml,
                                          const config::Environment& environment = {}) {
  const TempDir folder;
  const Loaded loaded = config::load_config(folder.write("hostler.toml", toml).string(), environment);
  std::vector<std::string> texts;
  if (loaded) return texts;
  const std::string prefix = folder.path().string() + "/";
  for (const config::ConfigError& error : loaded.error()) {
    std::string text = error.text();
    for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix))
      text.erase(at, prefix.size());
    texts.push_back(std::move(text));
  }
  return texts;
}

// `minimal` with `from` replaced, to change or add a line without moving the others.
inline std::string with(const std::string& from, const std::string& to, std::string toml = minimal) {
  const std::size_t at = toml.find(from);
  if (at == std::string::npos) throw std::runtime_error("the test's text has no " + from);
  return toml.replace(at, from.size(), to);
}

using Lines = std::vector<std::string>;

} // namespace hostler::testing
