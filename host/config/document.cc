#include "config/document.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <tuple>
#include <utility>

namespace hostler::config {
namespace {

constexpr int max_depth = 64;
// A dotted key of tens of thousands of parts overflows the parser's stack.
constexpr std::size_t max_dots_in_line = 500;

using FileName = std::shared_ptr<const std::string>;

Position position(const toml::source_region& region, const FileName& file) {
  return {file, region.begin.line, region.begin.column};
}

template <class T>
std::string rfc3339(const T& time) {
  std::ostringstream out;
  out << time;
  return out.str();
}

Node convert(const toml::node& from, const FileName& file, int depth, Problems& problems);

void convert_table(const toml::table& table, Node& node, const FileName& file, int depth,
                   Problems& problems) {
  for (const auto& [key, value] : table) {
    Member member;
    member.key = std::string(key.str());
    member.at = position(key.source(), file);
    member.value = convert(value, file, depth + 1, problems);
    node.members.push_back(std::move(member));
  }
  std::sort(node.members.begin(), node.members.end(),
            [](const Member& a, const Member& b) { return a.key < b.key; });
}

Node convert(const toml::node& from, const FileName& file, int depth, Problems& problems) {
  Node node;
  node.at = position(from.source(), file);
  if (depth > max_depth) {
    problems.add(node.at, "nested deeper than " + std::to_string(max_depth) + " levels");
    return node;
  }
  switch (from.type()) {
    case toml::node_type::string:
      node.kind = Node::Kind::string;
      node.text = from.as_string()->get();
      break;
    case toml::node_type::integer:
      node.kind = Node::Kind::integer;
      node.integer = from.as_integer()->get();
      break;
    case toml::node_type::floating_point:
      node.kind = Node::Kind::real;
      node.real = from.as_floating_point()->get();
      break;
    case toml::node_type::boolean:
      node.kind = Node::Kind::boolean;
      node.boolean = from.as_boolean()->get();
      break;
    case toml::node_type::date:
      node.kind = Node::Kind::time;
      node.text = rfc3339(from.as_date()->get());
      break;
    case toml::node_type::time:
      node.kind = Node::Kind::time;
      node.text = rfc3339(from.as_time()->get());
      break;
    case toml::node_type::date_time:
      node.kind = Node::Kind::time;
      node.text = rfc3339(from.as_date_time()->get());
      break;
    case toml::node_type::array:
      node.kind = Node::Kind::array;
      for (const auto& item : *from.as_array())
        node.items.push_back(convert(item, file, depth + 1, problems));
      break;
    case toml::node_type::table:
      node.kind = Node::Kind::table;
      convert_table(*from.as_table(), node, file, depth, problems);
      break;
    case toml::node_type::none: break;
  }
  return node;
}

// First line (from 1) with more dots than any sane key has; 0 if there is none.
std::uint32_t line_with_too_many_dots(std::string_view text) {
  std::uint32_t line = 1;
  std::size_t dots = 0;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      dots = 0;
    } else if (c == '.' && ++dots > max_dots_in_line) {
      return line;
    }
  }
  return 0;
}

// The parser quotes what it could not read. That must not be a password without quotation marks.
bool may_hold_secret(std::string_view text, std::uint32_t line) {
  std::uint32_t current = 1;
  std::string near_by;
  for (const char c : text) {
    if (current + 1 >= line && current <= line)
      near_by.push_back((c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c);
    if (c == '\n') ++current;
  }
  constexpr std::array<std::string_view, 6> words = {"password", "passwd", "secret", "sasl", "token", "url"};
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return near_by.find(word) != std::string::npos; });
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      out.push_back(c);
      continue;
    }
    std::array<char, 5> escaped{};
    std::snprintf(escaped.data(), escaped.size(), "\\x%02x", byte);
    out += escaped.data();
  }
  return out;
}

} // namespace

const Node* Node::find(std::string_view key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

void Problems::add(const Position& at, std::string message) {
  const auto same = [&](const Position& closed) {
    return closed.line == at.line && closed.column == at.column && closed.file_name() == at.file_name();
  };
  if (std::any_of(closed_.begin(), closed_.end(), same)) return;
  add({at.file_name(), at.line, at.column, std::move(message)});
}

void Problems::add(ConfigError error) {
  for (const std::string& secret : hidden_) {
    for (std::size_t at = error.message.find(secret); at != std::string::npos;
         at = error.message.find(secret, at + 3))
      error.message.replace(at, secret.size(), "***");
  }
  errors_.push_back(std::move(error));
}

void Problems::hide(const std::string& secret, const std::string& whole) {
  constexpr std::size_t shortest = 4; // less would blank out ordinary words of the messages
  hidden_.push_back(in_quotes(whole)); // as errors quote it, cut and escaped
  if (secret.size() < shortest) return;
  hidden_.push_back(secret);
  hidden_.push_back(printable(secret));
}

ConfigErrors Problems::take() {
  std::vector<std::string> files;
  for (const ConfigError& error : errors_) {
    if (std::find(files.begin(), files.end(), error.file) == files.end()) files.push_back(error.file);
  }
  const auto rank = [&](const ConfigError& error) {
    return std::find(files.begin(), files.end(), error.file) - files.begin();
  };
  std::stable_sort(errors_.begin(), errors_.end(), [&](const ConfigError& a, const ConfigError& b) {
    return std::tuple(rank(a), a.line, a.column) < std::tuple(rank(b), b.line, b.column);
  });
  // A default that is wrong is wrong in every handler that inherits it.
  const auto again = [](const ConfigError& a, const ConfigError& b) {
    return a.file == b.file && a.line == b.line && a.column == b.column && a.message == b.message;
  };
  ConfigErrors once;
  for (ConfigError& error : errors_) {
    bool known = false; // those of one place stand together
    for (auto earlier = once.rbegin(); earlier != once.rend() && earlier->line == error.line && !known; ++earlier)
      known = again(*earlier, error);
    if (!known) once.push_back(std::move(error));
  }
  errors_ = std::move(once);
  return std::exchange(errors_, {});
}

core::Result<std::string> read_small_file(const std::string& path) {
  // Not blocking: opening a pipe would wait for its other end.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return core::Error{std::string("cannot be read: ") + std::strerror(errno)};
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(::fdopen(fd, "rb"), &std::fclose);
  if (!file) {
    ::close(fd);
    return core::Error{std::string("cannot be read: ") + std::strerror(errno)};
  }
  struct stat status {};
  if (::fstat(fd, &status) != 0) return core::Error{std::string("cannot be read: ") + std::strerror(errno)};
  if (S_ISDIR(status.st_mode))
    return core::Error{"is a folder; name the file, for example " +
                       (std::filesystem::path(path) / "hostler.toml").string()};
  if (!S_ISREG(status.st_mode)) {
    return core::Error{std::string("is ") + (S_ISFIFO(status.st_mode) ? "a pipe" : "a device or socket") +
                       ", not a file; write what it gives to a file and name that"};
  }
  std::string text(max_file_bytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return core::Error{std::string("cannot be read: ") + std::strerror(errno)};
  if (text.size() > max_file_bytes)
    return core::Error{"is larger than 64 KB; spread the handlers over files in conf.d"};
  return text;
}

Node& insert(Node& table, std::string key, const Position& at, Node value) {
  const auto place = std::lower_bound(table.members.begin(), table.members.end(), key,
                                      [](const Member& a, const std::string& b) { return a.key < b; });
  return table.members.insert(place, Member{std::move(key), at, std::move(value)})->value;
}

Node read_document(const std::string& path, Problems& problems) {
  const auto file = std::make_shared<const std::string>(path);
  Node empty;
  empty.at = {file, 1, 1};
  const Position whole{file, 0, 0};
  const core::Result<std::string> text = read_small_file(path);
  if (!text) {
    problems.add(whole, text.error().message);
    return empty;
  }
  if (const std::uint32_t line = line_with_too_many_dots(*text); line != 0) {
    problems.add({file, line, 1}, "more than " + std::to_string(max_dots_in_line) + " dots in one line");
    return empty;
  }
  try {
    const toml::table table = toml::parse(*text, path);
    Node node = convert(table, file, 0, problems);
    node.at = {file, 1, 1};
    return node;
  } catch (const toml::parse_error& error) {
    const Position at = position(error.source(), file);
    problems.add(at, may_hold_secret(*text, at.line) ? "is not valid TOML; the text is not repeated, as it "
                                                       "may hold a secret (is a quotation mark missing?)"
                                                     : printable(error.description()));
    return empty;
  }
}

void merge(Node& base, Node more, Problems& problems) {
  for (Member& member : more.members) {
    const auto place = std::lower_bound(base.members.begin(), base.members.end(), member.key,
                                        [](const Member& a, const std::string& key) { return a.key < key; });
    if (place == base.members.end() || place->key != member.key) {
      base.members.insert(place, std::move(member));
      continue;
    }
    Node& known = place->value;
    const auto of_tables = [](const Node& node) {
      return node.kind == Node::Kind::array &&
             std::all_of(node.items.begin(), node.items.end(),
                         [](const Node& item) { return item.kind == Node::Kind::table; });
    };
    if (known.kind == Node::Kind::table && member.value.kind == Node::Kind::table) {
      merge(known, std::move(member.value), problems);
    } else if (of_tables(known) && of_tables(member.value)) {
      std::move(member.value.items.begin(), member.value.items.end(), std::back_inserter(known.items));
    } else {
      problems.add(member.at, in_quotes(member.key) + " is stated already in " + place->at.text());
    }
  }
}

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::string: return "a string";
    case Node::Kind::integer: return "an integer";
    case Node::Kind::real: return "a number with a fraction";
    case Node::Kind::boolean: return "true or false";
    case Node::Kind::time: return "a date or time";
    case Node::Kind::array: return "a list";
    case Node::Kind::table: return "a table";
  }
  return "nothing";
}

std::string in_quotes(std::string_view text) {
  std::size_t limit = 80;
  const bool cut = text.size() > limit;
  while (cut && limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0U) == 0x80U) --limit;
  return "'" + printable(text.substr(0, limit)) + (cut ? "…'" : "'");
}

} // namespace hostler::config
