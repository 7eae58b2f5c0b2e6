// One table of a configuration while it is read: unknown keys are reported when it is opened, wrong types and ranges when
// a key is read. Values that are not stated, or wrong, leave the target as it is.
// Used inside config/ only. Thread-safety: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "core/types.h"

namespace hostler::config {

class Section {
 public:
  // `node` may be nullptr (table not stated) or no table (reported). `at` stands for the table when it is not stated.
  Section(const Node* node, std::string_view name, const Position& at, Problems& problems);

  [[nodiscard]] bool stated(std::string_view key) const { return find(key) != nullptr; }
  // Where the key's value stands, or the table if it is not stated.
  [[nodiscard]] Position where(std::string_view key) const;
  [[nodiscard]] const Position& at() const { return at_; }
  [[nodiscard]] Section section(std::string_view key) const;
  [[nodiscard]] const Node* find(std::string_view key) const;

  // Each returns true if the key was stated and right. Texts are never empty.
  bool read(std::string_view key, std::string& out) const;
  bool read(std::string_view key, bool& out) const;
  bool read(std::string_view key, std::uint32_t& out, std::uint32_t least, std::uint32_t most) const;
  bool read(std::string_view key, core::Millis& out, core::Millis least, core::Millis most) const;
  bool read_size(std::string_view key, std::uint64_t& out, std::uint64_t least, std::uint64_t most) const;
  struct Text {
    std::string text;
    Position at;
  };
  // Leaves out (and reports) what is no text; true if anything is left, or the list was empty.
  bool read(std::string_view key, std::vector<Text>& out) const;

  // One of a few words.
  template <class T>
  struct Choice {
    std::string_view word;
    T value;
  };
  template <class T, std::size_t N>
  bool read(std::string_view key, T& out, const Choice<T> (&choices)[N]) const {
    std::string text;
    if (!read(key, text)) return false;
    std::string words;
    for (const Choice<T>& choice : choices) {
      if (choice.word == text) {
        out = choice.value;
        return true;
      }
      words += (words.empty() ? "\"" : ", \"") + std::string(choice.word) + "\"";
    }
    wrong(key, "is " + in_quotes(text) + "; it can be " + words);
    return false;
  }

  // Reports "'key' <what>" at the key's value.
  void wrong(std::string_view key, const std::string& what) const;
  // Reports the key as missing, at the table.
  void missing(std::string_view key, const std::string& hint) const;
  [[nodiscard]] Problems& problems() const { return *problems_; }

 private:
  [[nodiscard]] const Node* find(std::string_view key, Node::Kind kind, std::string_view wanted) const;

  const Node* node_ = nullptr;
  std::string name_;
  Position at_;
  Problems* problems_;
};

} // namespace hostler::config
