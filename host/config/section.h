// One table of a configuration while it is read: unknown keys are reported when it is opened, wrong types and ranges (as the
// table of keys has them) when a key is read. Values that are not stated, or wrong, leave the target as it is. What each key
// came to goes to the report.
// Used inside config/ only. Thread-safety: one thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/report.h"
#include "config/schema.h"
#include "core/types.h"

namespace hostler::config {

class Section {
 public:
  // `schema` is the section's name in the table of keys ("ledgers.*"), `name` what the report calls it ("ledgers.audit").
  // `node` may be nullptr (table not stated) or no table (reported). `at` stands for the table when it is not stated.
  // `report` may be nullptr.
  Section(const Node* node, std::string_view schema, std::string_view name, const Position& at, Problems& problems,
          Report* report);

  [[nodiscard]] bool stated(std::string_view key) const { return find(key) != nullptr; }
  // Where the key's value stands, or the table if it is not stated.
  [[nodiscard]] Position where(std::string_view key) const;
  [[nodiscard]] const Position& at() const { return at_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Section section(std::string_view key) const;
  [[nodiscard]] const Node* find(std::string_view key) const;

  // Each returns true if the key was stated and right. Texts are never empty.
  bool read(std::string_view key, std::string& out) const;
  bool read(std::string_view key, bool& out) const;
  bool read(std::string_view key, std::uint32_t& out) const;
  bool read(std::string_view key, std::int32_t& out) const;
  bool read(std::string_view key, double& out) const;
  bool read(std::string_view key, core::Millis& out) const;
  bool read_size(std::string_view key, std::uint64_t& out) const;
  // A relative path becomes one beside the file that states it.
  bool read_path(std::string_view key, std::string& out) const;
  struct Text {
    std::string text;
    Position at;
  };
  // Leaves out (and reports) what is no text; true if anything is left, or the list was empty. `otherwise` is what the report
  // says where nothing is stated.
  bool read(std::string_view key, std::vector<Text>& out, const std::vector<std::string>& otherwise = {}) const;
  // One of a few words; `values` stand in the order of the words in the table of keys.
  template <class T>
  bool read_word(std::string_view key, T& out, std::initializer_list<T> values) const {
    std::size_t otherwise = 0;
    for (const T& value : values) {
      if (value == out) break;
      ++otherwise;
    }
    const int index = word_index(key, values.size(), otherwise);
    if (index < 0) return false;
    out = *(values.begin() + index);
    return true;
  }

  // Reports "'key' <what>" at the key's value.
  void wrong(std::string_view key, const std::string& what) const;
  // Reports the key as missing, at the table.
  void missing(std::string_view key, const std::string& hint) const;
  [[nodiscard]] Problems& problems() const { return *problems_; }
  [[nodiscard]] Report* report() const { return report_; }
  // Says what a key came to. `value` as TOML.
  void came_to(std::string_view key, const std::string& value) const;

 private:
  [[nodiscard]] const Node* find(std::string_view key, Node::Kind kind, std::string_view wanted) const;
  [[nodiscard]] const KeyInfo& info(std::string_view key) const;
  int word_index(std::string_view key, std::size_t count, std::size_t otherwise) const;
  bool read_number(std::string_view key, std::int64_t& out) const;
  bool read_text(std::string_view key, std::string& out) const;

  const Node* node_ = nullptr;
  std::string schema_;
  std::string name_;
  Position at_;
  Problems* problems_;
  Report* report_;
};

} // namespace hostler::config
