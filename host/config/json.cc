#include "config/json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

namespace hostler::config {
namespace {

void write_text(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 7> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escaped.data();
    } else {
      out += c;
    }
  }
  out += '"';
}

void write_real(const Node& node, std::string& out, Problems& problems) {
  if (!std::isfinite(node.real)) {
    problems.add(node.at, "nan and inf cannot be handed to a plugin, JSON has no such numbers; use a string");
    out += "null";
    return;
  }
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), node.real).ptr;
  const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0"; // stays a number with a fraction
}

void write(const Node& node, std::string& out, Problems& problems) {
  bool first = true;
  const auto comma = [&] {
    if (!std::exchange(first, false)) out += ',';
  };
  switch (node.kind) {
    case Node::Kind::string:
    case Node::Kind::time: write_text(node.text, out); break;
    case Node::Kind::integer: out += std::to_string(node.integer); break;
    case Node::Kind::real: write_real(node, out, problems); break;
    case Node::Kind::boolean: out += node.boolean ? "true" : "false"; break;
    case Node::Kind::array:
      out += '[';
      for (const Node& item : node.items) {
        comma();
        write(item, out, problems);
      }
      out += ']';
      break;
    case Node::Kind::table:
      out += '{';
      for (const Member& member : node.members) {
        comma();
        write_text(member.key, out);
        out += ':';
        write(member.value, out, problems);
      }
      out += '}';
      break;
  }
}

} // namespace

std::string to_json(const Node& node, Problems& problems) {
  std::string out;
  write(node, out, problems);
  return out;
}

} // namespace hostler::config
