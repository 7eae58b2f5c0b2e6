#include "config/substitution.h"

#include <algorithm>
#include <filesystem>

#include "config/handler.h" // beside()

namespace hostler::config {
namespace {

constexpr std::string_view credentials_variable = "CREDENTIALS_DIRECTORY";

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
}

class Substitution {
 public:
  Substitution(const Environment& environment, Problems& problems)
      : environment_(environment), problems_(problems) {}

  void in(Node& node) {
    if (node.kind == Node::Kind::string && node.text.find("${") != std::string::npos) in_text(node);
    for (Node& item : node.items) in(item);
    for (Member& member : node.members) in(member.value);
  }

 private:
  void in_text(Node& node) {
    const std::string_view text = node.text;
    std::string out;
    std::string masked;
    std::vector<std::string> secrets;
    std::size_t from = 0;
    while (true) {
      const std::size_t open = text.find("${", from);
      const std::string_view before = text.substr(from, open == std::string_view::npos ? open : open - from);
      out += before;
      masked += before;
      if (open == std::string_view::npos) break;
      if (open > from && text[open - 1] == '$') { // $${ is ${
        out += '{';
        masked += '{';
        from = open + 2;
        continue;
      }
      const std::size_t close = text.find('}', open);
      const std::string_view inside =
          text.substr(open + 2, (close == std::string_view::npos ? text.size() : close) - open - 2);
      const std::size_t colon = inside.find(':');
      if (colon == std::string_view::npos || !is_word(inside.substr(0, colon))) { // none of ours: left alone
        out += "${";
        masked += "${";
        from = open + 2;
        continue;
      }
      if (close == std::string_view::npos) {
        problems_.add(node.at, "has '${" + std::string(inside.substr(0, colon)) + ":' without a closing brace");
        return problems_.close(node.at);
      }
      const std::optional<std::string> value = look_up(inside.substr(0, colon), inside.substr(colon + 1), node);
      if (!value) return problems_.close(node.at);
      out += *value;
      masked += "***";
      secrets.push_back(*value);
      from = close + 1;
    }
    if (!secrets.empty()) {
      for (const std::string& secret : secrets) problems_.hide(secret, out);
      node.masked = std::move(masked);
    }
    node.text = std::move(out);
  }

  std::optional<std::string> look_up(std::string_view source, std::string_view name, Node& node) {
    const std::string written = "${" + std::string(source) + ":" + std::string(name) + "}";
    const auto fail = [&](const std::string& what) {
      problems_.add(node.at, in_quotes(written) + " " + what);
      return std::nullopt;
    };
    const auto taken = [&](const std::string& what) {
      node.taken_from += (node.taken_from.empty() ? "" : ", ") + what + " " + std::string(name);
    };
    if (name.empty()) return fail("names nothing");
    if (source == "env") {
      const auto found = environment_.find(std::string(name));
      if (found == environment_.end()) return fail("is not set in the environment");
      taken("environment variable");
      return found->second;
    }
    if (source == "file") {
      taken("file");
      return content(beside(node.at, std::string(name)), written, node);
    }
    if (source == "credential") {
      if (name.find('/') != std::string_view::npos) return fail("is no name of a credential: it has a slash");
      const auto folder = environment_.find(std::string(credentials_variable));
      if (folder == environment_.end() || folder->second.empty())
        return fail("needs systemd: $CREDENTIALS_DIRECTORY is not set; state LoadCredential=" + std::string(name) +
                    ":PATH in the unit, or use ${file:PATH}");
      taken("credential");
      return content((std::filesystem::path(folder->second) / name).string(), written, node);
    }
    return fail("has an unknown source; there are ${env:NAME}, ${file:PATH} and ${credential:NAME}, and $${ stands for ${");
  }

  std::optional<std::string> content(const std::string& path, const std::string& written, const Node& node) {
    Problems own;
    std::optional<std::string> text = read_secret_file(path, node.at, own);
    for (const ConfigError& error : own.take()) problems_.add(node.at, in_quotes(written) + ": " + error.message);
    return text;
  }

  const Environment& environment_;
  Problems& problems_;
};

} // namespace

std::optional<std::string> read_secret_file(const std::string& path, const Position& at, Problems& problems) {
  core::Result<std::string> text = read_small_file(path);
  if (!text) {
    problems.add(at, path + " " + text.error().message);
    return std::nullopt;
  }
  if (text->ends_with('\n')) text->pop_back();
  if (text->ends_with('\r')) text->pop_back();
  if (text->empty() || text->find('\0') != std::string::npos) {
    problems.add(at, path + (text->empty() ? " is empty" : " holds a NUL character"));
    return std::nullopt;
  }
  return std::move(*text);
}

void substitute(Node& document, const Environment& environment, Problems& problems) {
  Substitution(environment, problems).in(document);
}

} // namespace hostler::config
