// The keys of a configuration: which exist, and which the design names but this version does not have yet.
// Used inside config/ only. Thread-safety: constants.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hostler::config {

enum class KeyState : unsigned char {
  works,
  reserved, // of the design, refused until it exists
};

struct KeyInfo {
  std::string_view section; // "" is the top level; "handler.retry" is [handler.retry]
  std::string_view key;
  KeyState state = KeyState::works;
};

// Ordered by section as a reader would write them.
[[nodiscard]] std::span<const KeyInfo> all_keys();

// nullptr if there is no such key.
[[nodiscard]] const KeyInfo* find_key(std::string_view section, std::string_view key);

// "; nearest known key 'x'", or where the key belongs instead, or nothing.
[[nodiscard]] std::string key_hint(std::string_view section, std::string_view key);

// "[handler.retry]", "[[handler]]", "the top level".
[[nodiscard]] std::string section_title(std::string_view section);

} // namespace hostler::config
