// Reads a configuration: TOML file, conf.d/*.toml beside it, and the environment -> core::HostConfig, or every error at once.
// The command line and tests use it. Thread-safety: no shared state; reading the process environment wants a single thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/host_config.h"
#include "core/result.h"

namespace hostler::config {

// One thing that is wrong, where, and the mend. Holds no value that may be a secret.
struct ConfigError {
  std::string file;         // as given, or "environment"
  std::uint32_t line = 0;   // from 1; 0: the file as a whole
  std::uint32_t column = 0; // from 1
  std::string message;
  [[nodiscard]] std::string text() const; // file:line:column: message
};
using ConfigErrors = std::vector<ConfigError>;

// Variables by name. Those that the documents name set what the files leave open (environment.h), an empty one counts as not
// set; ${env:NAME} in a file reads any.
using Environment = std::map<std::string, std::string>;

// The process's own.
[[nodiscard]] Environment process_environment();

// What a key came to. Secrets are masked.
struct Setting {
  std::string key;    // "host.name", "handler.user-service.retry.delays"
  std::string value;  // as TOML
  std::string source; // "default", "file:line", "file:line, credential db", "environment variable X"
};

// Reads `path` and conf.d/*.toml beside it (by name; handlers are appended, a key stated twice is an error).
// Relative paths inside a file are relative to that file's folder. A file may have 64 KB.
// `settings`, if given, receives every key's value and source, also after errors.
[[nodiscard]] core::Result<core::HostConfig, ConfigErrors> load_config(const std::string& path,
                                                                       const Environment& environment,
                                                                       std::vector<Setting>* settings = nullptr);

// Every key of a configuration that states nothing, with one handler ("handler.retry.delays").
[[nodiscard]] std::vector<Setting> default_settings();

// Every key that works in this version, as "section.key" ("host.name", "handler.retry.delays").
[[nodiscard]] std::vector<std::string> known_keys();

} // namespace hostler::config
