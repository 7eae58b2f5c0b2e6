#include "config/section.h"

#include "config/schema.h"
#include "config/units.h"

namespace hostler::config {
Section::Section(const Node* node, std::string_view name, const Position& at, Problems& problems)
    : name_(name), at_(node != nullptr ? node->at : at), problems_(&problems) {
  if (node == nullptr) return;
  if (node->kind != Node::Kind::table) {
    problems.add(node->at,
                 section_title(name) + " must be a table, this is " + std::string(kind_name(node->kind)));
    return;
  }
  node_ = node;
  const std::string where_title = (name.empty() ? " at " : " in ") + section_title(name);
  for (const Member& member : node->members) {
    const KeyInfo* const info = find_key(name, member.key);
    if (info == nullptr) {
      problems.add(member.at,
                   "unknown key " + in_quotes(member.key) + where_title + key_hint(name, member.key));
    } else if (info->state == KeyState::reserved) {
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

Position Section::where(std::string_view key) const {
  const Node* const node = find(key);
  return node == nullptr ? at_ : node->at;
}

Section Section::section(std::string_view key) const {
  return {find(key), name_.empty() ? std::string(key) : name_ + "." + std::string(key), at_, *problems_};
}

void Section::wrong(std::string_view key, const std::string& what) const {
  problems_->add(where(key), "'" + std::string(key) + "' " + what);
}

void Section::missing(std::string_view key, const std::string& hint) const {
  problems_->add(at_, section_title(name_) + " needs '" + std::string(key) + "'; " + hint);
}

bool Section::read(std::string_view key, std::string& out) const {
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

bool Section::read(std::string_view key, bool& out) const {
  const Node* const node = find(key, Node::Kind::boolean, "true or false");
  if (node == nullptr) return false;
  out = node->boolean;
  return true;
}

bool Section::read(std::string_view key, std::uint32_t& out, std::uint32_t least, std::uint32_t most) const {
  const Node* const node = find(key, Node::Kind::integer, "an integer");
  if (node == nullptr) return false;
  if (node->integer < least || node->integer > most) {
    wrong(key, "is " + std::to_string(node->integer) + "; it can be " + std::to_string(least) + " to " +
                   std::to_string(most));
    return false;
  }
  out = static_cast<std::uint32_t>(node->integer);
  return true;
}

bool Section::read(std::string_view key, core::Millis& out, core::Millis least, core::Millis most) const {
  const Node* const node = find(key, Node::Kind::string, "a duration in quotes, such as \"30s\"");
  if (node == nullptr) return false;
  const std::optional<core::Millis> duration = parse_duration(node->text);
  if (!duration) {
    wrong(key,
          "is " + in_quotes(node->text) +
              ", which is no duration; write a whole number with ms, s, m, min, h or d, such as \"30s\"");
    return false;
  }
  if (*duration < least || *duration > most) {
    wrong(key, "is " + in_quotes(node->text) + "; it can be " + show(least) + " to " + show(most));
    return false;
  }
  out = *duration;
  return true;
}

bool Section::read_size(std::string_view key, std::uint64_t& out, std::uint64_t least,
                        std::uint64_t most) const {
  const Node* const node = find(key, Node::Kind::string, "a size in quotes, such as \"512M\"");
  if (node == nullptr) return false;
  const std::optional<std::uint64_t> size = parse_size(node->text);
  if (!size) {
    wrong(key, "is " + in_quotes(node->text) +
                   ", which is no size; write a whole number with K, M or G, such as \"512M\"");
    return false;
  }
  if (*size < least || *size > most) {
    wrong(key, "is " + in_quotes(node->text) + "; it can be " + std::to_string(least >> 20U) + "M to " +
                   std::to_string(most >> 20U) + "M");
    return false;
  }
  out = *size;
  return true;
}

bool Section::read(std::string_view key, std::vector<Text>& out) const {
  const Node* const node = find(key, Node::Kind::array, "a list of strings, such as [\"a\", \"b\"]");
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

} // namespace hostler::config
