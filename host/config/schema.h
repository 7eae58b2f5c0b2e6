// The keys of a configuration: which exist, what they hold, in which range. The one table that reading, hints,
// `check --show` and the JSON Schema are made from. Used inside config/ only. Thread-safety: constants.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hostler::config {

enum class KeyType : std::uint8_t {
  text,
  address,  // text that may be empty
  path,     // of a file or folder; a relative one is relative to the file that states it
  boolean,
  integer,
  real,
  duration, // "30s"
  size,     // "512M"
  word,     // one of a few
  texts,    // a list of strings
  table,
  tables,     // [[handler]]
  named,      // tables under names of the user's choice: [ledgers.NAME]
  properties, // librdkafka's names and values
  free,       // whatever the plugin takes
};

enum class KeyState : std::uint8_t {
  works,
  reserved, // of the design, refused until it exists
};

struct KeyInfo {
  std::string_view section; // "" is the top level; "handler.retry" is [handler.retry]
  std::string_view key;
  KeyType type = KeyType::text;
  std::string_view help; // one line, ends without a full stop
  double least = 0, most = 0;  // integer, real; duration in ms; size in bytes
  std::string_view words = {}; // of a word: "a|b|c"
  bool in_defaults = false;    // of a handler: [defaults] may state it for all
  KeyState state = KeyState::works;
};

// Ordered by section as a reader would write them. [defaults], [kafka.clusters.NAME] and [ledgers.NAME] have keys of
// other sections and are not repeated.
[[nodiscard]] std::span<const KeyInfo> all_keys();

// The keys of a section as it is written: also "defaults", "defaults.retry", "kafka.clusters.*", "ledgers.*".
[[nodiscard]] std::vector<const KeyInfo*> keys_of(std::string_view section);

// nullptr if there is no such key.
[[nodiscard]] const KeyInfo* find_key(std::string_view section, std::string_view key);

// "a|b|c" in parts.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view words);

// "; nearest known key 'x'", or where the key belongs instead, or nothing.
[[nodiscard]] std::string key_hint(std::string_view section, std::string_view key);

// "[handler.retry]", "[[handler]]", "the top level".
[[nodiscard]] std::string section_title(std::string_view section);

} // namespace hostler::config
