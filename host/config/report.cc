#include "config/report.h"

#include <algorithm>
#include <array>

#include "config/json.h"
#include "core/secrets.h"

namespace hostler::config {

bool names_secret(std::string_view key) {
  std::string lower(key);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c; });
  if (lower.ends_with("_file") || lower.ends_with(".location")) return false; // says where it is, not what
  constexpr std::array<std::string_view, 9> words = {"password", "passwd",      "secret",  "token",      "api_key",
                                                     "apikey",   "private_key", "ssl.key", "oauthbearer.config"};
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

std::string toml_string(std::string_view text) {
  Node node;
  node.kind = Node::Kind::string;
  node.text = std::string(text);
  Problems none;
  return to_json(node, none);
}

std::string shown(const Node& node) {
  Problems none;
  switch (node.kind) {
    case Node::Kind::string: return toml_string(core::masked_url(node.secret() ? node.masked : node.text));
    case Node::Kind::array: {
      std::string out = "[";
      for (const Node& item : node.items) out += (out.size() > 1 ? ", " : "") + shown(item);
      return out + "]";
    }
    case Node::Kind::table: {
      std::string out = "{";
      for (const Member& member : node.members) {
        const bool hide = names_secret(member.key) && member.value.kind != Node::Kind::table;
        out += (out.size() > 1 ? ", " : " ") + member.key + " = " + (hide ? "\"***\"" : shown(member.value));
      }
      return out + (out.size() > 1 ? " }" : "}");
    }
    default: return to_json(node, none);
  }
}

void Report::add(const std::string& table, std::string_view key, std::string value, const Node* node) {
  Setting setting;
  setting.key = table.empty() ? std::string(key) : table + "." + std::string(key);
  setting.value = std::move(value);
  if (node == nullptr) {
    setting.source = "default";
  } else {
    setting.source = node->at.text();
    if (!node->taken_from.empty()) setting.source += ", " + node->taken_from;
  }
  settings_.push_back(std::move(setting));
}

} // namespace hostler::config
