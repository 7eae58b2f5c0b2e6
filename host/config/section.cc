#include "config/section.h"

#include <limits>
#include <optional>
#include <stdexcept>

#include "config/handler.h" // beside()
#include "config/units.h"

namespace hostler::config {

Section::Section(const Node* node, std::string_view schema, std::string_view name, const Position& at,
                 Problems& problems, Report* report)
    : schema_(schema), name_(name), at_(node != nullptr ? node->at : at), problems_(&problems), report_(report) {
  if (node == nullptr) return;
  if (node->kind != Node::Kind::table) {
    problems.add(node->at,
                 section_title(schema) + " must be a table, this is " + std::string(kind_name(node->kind)));
    return;
  }
  node_ = node;
  const std::string where_title = (schema.empty() ? " at " : " in ") + section_title(schema);
  for (const Member& member : node->members) {
    const KeyInfo* const known = find_key(schema, member.key);
    if (known == nullptr) {
      problems.add(member.at,
                   "unknown key " + in_quotes(member.key) + where_title + key_hint(schema, member.key));
    } else if (known->state == KeyState::reserved) {
      problems.add(member.at,
                   in_quotes(member.key) + where_title + " is not available in this version; leave it out");
    }
  }
}

const Node* Section::find(std::string_view key) const {
  return node_ == nullptr ? nullptr : node_->find(key);
}

const Node* Section::find(std::string_view key, Node::Kind kind, std::string_view wanted) const {
  const Node* const node = find(key);
  if (node == nullptr || node->kind == kind) return node;
  wrong(key, "must be " + std::string(wanted) + ", this is " + std::string(kind_name(node->kind)));
  return nullptr;
}

// A key that is read but not in the table would be refused as unknown: a fault of the program, seen by any test.
const KeyInfo& Section::info(std::string_view key) const {
  const KeyInfo* const found = find_key(schema_, key);
  if (found == nullptr) throw std::logic_error("no key " + schema_ + "." + std::string(key));
  return *found;
}

void Section::came_to(std::string_view key, const std::string& value) const {
  if (report_ == nullptr) return;
  const Node* const node = find(key);
  report_->add(name_, key, node != nullptr && node->secret() ? shown(*node) : value, node);
}

Position Section::where(std::string_view key) const {
  const Node* const node = find(key);
  return node == nullptr ? at_ : node->at;
}

Section Section::section(std::string_view key) const {
  const auto below = [&](const std::string& name) { return name.empty() ? std::string(key) : name + "." + std::string(key); };
  return {find(key), below(schema_), below(name_), at_, *problems_, report_};
}

void Section::wrong(std::string_view key, const std::string& what) const {
  problems_->add(where(key), "'" + std::string(key) + "' " + what);
}

void Section::missing(std::string_view key, const std::string& hint) const {
  problems_->add(at_, section_title(schema_) + " needs '" + std::string(key) + "'; " + hint);
}

bool Section::read_text(std::string_view key, std::string& out) const {
  const Node* const node = find(key, Node::Kind::string, "a string");
  if (node == nullptr) return false;
  if (node->text.empty()) {
    wrong(key, "is empty; leave the key out or give it a value");
    return false;
  }
  if (node->text.find('\0') != std::string::npos) {
    wrong(key, "holds a NUL character");
    return false;
  }
  out = node->text;
  return true;
}

bool Section::read(std::string_view key, std::string& out) const {
  (void)info(key);
  const bool right = read_text(key, out);
  const Node* const node = find(key);
  came_to(key, node != nullptr ? shown(*node) : toml_string(out));
  return right;
}

bool Section::read_path(std::string_view key, std::string& out) const {
  (void)info(key);
  const bool right = read_text(key, out);
  if (right) out = beside(where(key), out);
  came_to(key, toml_string(out));
  return right;
}

bool Section::read(std::string_view key, bool& out) const {
  (void)info(key);
  const Node* const node = find(key, Node::Kind::boolean, "true or false");
  if (node != nullptr) out = node->boolean;
  came_to(key, out ? "true" : "false");
  return node != nullptr;
}

bool Section::read_number(std::string_view key, std::int64_t& out) const {
  const KeyInfo& known = info(key);
  const Node* const node = find(key, Node::Kind::integer, "an integer");
  if (node == nullptr) return false;
  const auto least = static_cast<std::int64_t>(known.least);
  const auto most = static_cast<std::int64_t>(known.most);
  if (node->integer < least || node->integer > most) {
    wrong(key, "is " + std::to_string(node->integer) + "; it can be " + std::to_string(least) + " to " +
                   std::to_string(most));
    return false;
  }
  out = node->integer;
  return true;
}

bool Section::read(std::string_view key, std::uint32_t& out) const {
  std::int64_t number = out;
  const bool right = read_number(key, number);
  out = static_cast<std::uint32_t>(number);
  came_to(key, std::to_string(number));
  return right;
}

bool Section::read(std::string_view key, std::int32_t& out) const {
  std::int64_t number = out;
  const bool right = read_number(key, number);
  out = static_cast<std::int32_t>(number);
  came_to(key, number < 0 ? toml_string("") : std::to_string(number)); // below every range: stands for "not stated"
  return right;
}

bool Section::read(std::string_view key, double& out) const {
  const KeyInfo& known = info(key);
  const Node* const node = find(key);
  const auto shown_number = [](double number) {
    Node real;
    real.kind = Node::Kind::real;
    real.real = number;
    return shown(real);
  };
  bool right = false;
  if (node != nullptr && node->kind != Node::Kind::real && node->kind != Node::Kind::integer) {
    wrong(key, "must be a number, this is " + std::string(kind_name(node->kind)));
  } else if (node != nullptr) {
    const double number = node->kind == Node::Kind::real ? node->real : static_cast<double>(node->integer);
    right = number >= known.least && number <= known.most; // not for nan
    if (right) {
      out = number;
    } else {
      wrong(key, "is out of range; it can be " + shown_number(known.least) + " to " + shown_number(known.most));
    }
  }
  came_to(key, shown_number(out));
  return right;
}

bool Section::read(std::string_view key, core::Millis& out) const {
  const KeyInfo& known = info(key);
  const Node* const node = find(key, Node::Kind::string, "a duration in quotes, such as \"30s\"");
  bool right = false;
  if (node != nullptr) {
    const std::optional<core::Millis> duration = parse_duration(node->text);
    const core::Millis least(static_cast<std::int64_t>(known.least));
    const core::Millis most(static_cast<std::int64_t>(known.most));
    if (!duration) {
      wrong(key,
            "is " + in_quotes(node->text) +
                ", which is no duration; write a whole number with ms, s, m, min, h or d, such as \"30s\"");
    } else if (*duration < least || *duration > most) {
      wrong(key, "is " + in_quotes(node->text) + "; it can be " + show(least) + " to " + show(most));
    } else {
      out = *duration;
      right = true;
    }
  }
  came_to(key, toml_string(show(out)));
  return right;
}

bool Section::read_size(std::string_view key, std::uint64_t& out) const {
  const KeyInfo& known = info(key);
  const Node* const node = find(key, Node::Kind::string, "a size in quotes, such as \"512M\"");
  bool right = false;
  if (node != nullptr) {
    const std::optional<std::uint64_t> size = parse_size(node->text);
    const auto least = static_cast<std::uint64_t>(known.least);
    const auto most = static_cast<std::uint64_t>(known.most);
    if (!size) {
      wrong(key, "is " + in_quotes(node->text) +
                     ", which is no size; write a whole number with K, M or G, such as \"512M\"");
    } else if (*size < least || *size > most) {
      wrong(key, "is " + in_quotes(node->text) + "; it can be " + std::to_string(least >> 20U) + "M to " +
                     std::to_string(most >> 20U) + "M");
    } else {
      out = *size;
      right = true;
    }
  }
  came_to(key, toml_string(show_size(out)));
  return right;
}

bool Section::read(std::string_view key, std::vector<Text>& out, const std::vector<std::string>& otherwise) const {
  (void)info(key);
  const Node* const node = find(key, Node::Kind::array, "a list of strings, such as [\"a\", \"b\"]");
  std::string listed;
  for (const std::string& text : otherwise) listed += (listed.empty() ? "" : ", ") + toml_string(text);
  came_to(key, node != nullptr ? shown(*node) : "[" + listed + "]");
  if (node == nullptr) return false;
  std::vector<Text> texts;
  for (const Node& item : node->items) {
    if (item.kind == Node::Kind::string && !item.text.empty() && item.text.find('\0') == std::string::npos) {
      texts.push_back({item.text, item.at});
      continue;
    }
    problems_->add(item.at, "'" + std::string(key) + "' must list strings, this is " +
                                (item.kind == Node::Kind::string ? "an empty one, or one with a NUL character"
                                                                 : std::string(kind_name(item.kind))));
  }
  const bool some_right = !texts.empty() || node->items.empty();
  if (some_right) out = std::move(texts);
  return some_right;
}

int Section::word_index(std::string_view key, std::size_t count, std::size_t otherwise) const {
  const std::vector<std::string_view> words = words_of(info(key).words);
  if (words.size() != count) throw std::logic_error("the words of " + schema_ + "." + std::string(key));
  std::string text;
  int index = -1;
  if (read_text(key, text)) {
    std::string all;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (words[i] == text) index = static_cast<int>(i);
      all += (all.empty() ? "\"" : ", \"") + std::string(words[i]) + "\"";
    }
    if (index < 0) wrong(key, "is " + in_quotes(text) + "; it can be " + all);
  }
  const std::size_t word = index < 0 ? otherwise : static_cast<std::size_t>(index);
  came_to(key, word < words.size() ? toml_string(words[word]) : toml_string(""));
  return index;
}

} // namespace hostler::config
