// A TOML file as plain values that know where they stand, so that nothing else needs the TOML library.
// Used inside config/ only. Thread-safety: values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/load_config.h"

namespace hostler::config {

struct Position {
  std::shared_ptr<const std::string> file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  [[nodiscard]] std::string file_name() const { return file ? *file : std::string(); }
  // "file:line", or "environment variable X"
  [[nodiscard]] std::string text() const { return line == 0 ? file_name() : file_name() + ":" + std::to_string(line); }
};

struct Member;

struct Node {
  enum class Kind : std::uint8_t { string, integer, real, boolean, time, array, table };
  Kind kind = Kind::table;
  Position at;
  std::string text; // string; time as RFC 3339
  std::int64_t integer = 0;
  double real = 0;
  bool boolean = false;
  std::string masked;     // string that holds something from outside the file: `text` with *** for that; else empty
  std::string taken_from; // … and what that was: "credential db", "environment variable X"
  std::vector<Node> items;     // array
  std::vector<Member> members; // table, ordered by key

  [[nodiscard]] const Node* find(std::string_view key) const;
  [[nodiscard]] bool secret() const { return !taken_from.empty(); }
};

struct Member {
  std::string key;
  Position at;
  Node value;
};

// Collects errors; never stops at the first.
class Problems {
 public:
  void add(const Position& at, std::string message);
  void add(ConfigError error);
  [[nodiscard]] bool any() const { return !errors_.empty(); }
  [[nodiscard]] std::size_t count() const { return errors_.size(); }
  // What no error may repeat: a value from outside the file, and the whole text it stands in.
  void hide(const std::string& secret, const std::string& whole);
  // Nothing more is said of this place: what would follow is a consequence.
  void close(const Position& at) { closed_.push_back(at); }
  // Ordered by file (as first named), line and column; none twice.
  [[nodiscard]] ConfigErrors take();

 private:
  ConfigErrors errors_;
  std::vector<std::string> hidden_;
  std::vector<Position> closed_;
};

inline constexpr std::size_t max_file_bytes = 64 * 1024;

// Reads and parses one file; on a failure reports it and returns an empty table.
[[nodiscard]] Node read_document(const std::string& path, Problems& problems);

// Adds `more` to `base`: tables are joined, arrays of tables appended, anything else stated twice is an error.
void merge(Node& base, Node more, Problems& problems);

// Puts a member at its place; the key must not be there yet. Returns it.
Node& insert(Node& table, std::string key, const Position& at, Node value);

// The bytes of a regular file of at most max_file_bytes, or what is wrong with it in words that follow its name.
// Never blocks on a pipe or device.
[[nodiscard]] core::Result<std::string> read_small_file(const std::string& path);

// "a string", "an integer", …
[[nodiscard]] std::string_view kind_name(Node::Kind kind);
// In single quotes, control characters escaped, at most 80 bytes.
[[nodiscard]] std::string in_quotes(std::string_view text);

} // namespace hostler::config
