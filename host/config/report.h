// What every key came to while a configuration was read, and where from: for `check --show`. Secrets arrive masked.
// Used inside config/ only. Thread-safety: one thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/document.h"

namespace hostler::config {

class Report {
 public:
  // `node` is where the value was stated; nullptr: it is the default.
  void add(const std::string& table, std::string_view key, std::string value, const Node* node);
  [[nodiscard]] std::vector<Setting> take() { return std::exchange(settings_, {}); }

 private:
  std::vector<Setting> settings_;
};

// A value as TOML would state it, with *** for what came from a secret.
[[nodiscard]] std::string shown(const Node& node);
[[nodiscard]] std::string toml_string(std::string_view text); // named so that std::quoted is not meant

// Names under which people keep secrets: password, token, secret, … anywhere in it.
[[nodiscard]] bool names_secret(std::string_view key);

} // namespace hostler::config
