#include "layering/includes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

namespace hostler::testing {
namespace {

// Which folders of host/ a folder may include, besides itself. Adapters never include each other.
const std::map<std::string, std::set<std::string>> host_folders = {
    {"core", {}},
    {"runtime", {"core"}},
    {"config", {"core", "runtime"}},
    {"kafka", {"core", "runtime"}},
    {"store", {"core", "runtime"}},
    {"plugin", {"core", "runtime"}},
    {"http", {"core", "runtime"}},
    {"service", {"core", "runtime"}},
    {"cli", {"core", "runtime", "config", "kafka", "store", "plugin", "http", "service"}},
};

// Libraries that stay inside certain folders of host/. The first matching pattern decides.
struct Library {
  const char* name;
  std::regex header;
  std::set<std::string> folders;
};
const std::vector<Library> libraries = {
    {"librdkafka", std::regex("(librdkafka/.*|rdkafka\\w*\\.h)"), {"kafka"}},
    {"SOCI", std::regex("soci([/-].*|\\.h)"), {"store"}},
    {"libpq", std::regex("(postgresql/.*|libpq.*|pg_config.*)"), {"store"}},
    {"SQLite", std::regex("sqlite3.*"), {"store"}},
    {"toml++", std::regex("(toml\\+\\+/.*|toml\\.hpp|tomlplusplus/.*)"), {"config"}},
    {"Boost.DLL", std::regex("boost/dll.*"), {"plugin"}},
    {"Boost.Program_options", std::regex("boost/program_options.*"), {"cli"}},
    {"Boost.Beast and Asio", std::regex("boost/(beast|asio).*"), {"http"}},
    {"prometheus-cpp", std::regex("prometheus/.*"), {"http", "runtime"}},
    {"spdlog and fmt", std::regex("(spdlog|fmt)/.*"), {"runtime", "cli"}},
    {"simdjson and nlohmann",
     std::regex("(simdjson\\.h|nlohmann/.*)"),
     {"runtime", "config", "plugin", "http", "cli"}},
    {"OpenSSL and xxHash", std::regex("(openssl/.*|xxh\\w*\\.h)"), {"runtime", "store", "plugin", "http"}},
    {"the plugin API", std::regex("hostler/.*"), {"plugin"}},
};

// Operating system and time have no place in core; these standard headers are how they come in.
const std::set<std::string> not_in_core = {
    "thread",     "mutex",   "condition_variable", "future",   "fstream", "iostream",
    "filesystem", "cstdlib", "stdlib.h",           "unistd.h", "random"};

struct Include {
  int line;
  bool quoted;
  std::string header;
};

std::vector<Include> find_includes(std::string_view text) {
  static const std::regex pattern(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
  std::vector<Include> result;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::smatch match;
    if (std::regex_search(line, match, pattern)) result.push_back({number, match[1] == "\"", match[2]});
  }
  return result;
}

std::string join(const std::set<std::string>& names) {
  std::string result;
  for (const auto& name : names) result += (result.empty() ? "" : ", ") + name;
  return result.empty() ? "nothing" : result;
}

std::string first_part(const std::string& path) { return path.substr(0, path.find('/')); }

// The rule that an include in host/<folder>/ breaks, if any.
std::optional<std::string> broken_in_host(const std::string& folder, const Include& include) {
  const auto& header = include.header;
  if (header.find("../") != std::string::npos) return "includes are written from the host/ root, without ../";
  const auto allowed = host_folders.find(folder);
  if (allowed == host_folders.end())
    return "host/" + folder + " is not in the table of tests/layering/includes.cc: add it";
  for (const auto& library : libraries) {
    if (!std::regex_match(header, library.header)) continue;
    if (library.folders.contains(folder)) return std::nullopt;
    return std::string(library.name) + " may be included only in host/ folders " + join(library.folders);
  }
  if (header.find('/') != std::string::npos && host_folders.contains(first_part(header))) {
    const std::string target = first_part(header);
    if (target == folder || allowed->second.contains(target)) return std::nullopt;
    return "host/" + folder + " may include " + join(allowed->second) + "; not " + target;
  }
  if (header.starts_with("tests/") || header.starts_with("support/") || header.starts_with("fakes/"))
    return "host/ never includes tests";
  if (include.quoted) return "a header of host/ is included as \"folder/name.h\", others in angle brackets";
  if (folder == "core") {
    if (header.find('/') != std::string::npos || header.ends_with(".hpp"))
      return "host/core uses the standard library only";
    if (not_in_core.contains(header) || header.ends_with(".h"))
      return "host/core does no I/O and knows no threads, clock or system headers";
  }
  return std::nullopt;
}

// Plugins see the plugin API, their own files and whatever library they like, but never the host.
std::optional<std::string> broken_in_plugin(const Include& include) {
  if (include.header.find("../") != std::string::npos) return "a plugin does not reach outside its folder";
  if (include.header.starts_with("host/") ||
      (include.header.find('/') != std::string::npos && host_folders.contains(first_part(include.header))))
    return "a plugin includes the plugin API (hostler/…) only, never the host";
  return std::nullopt;
}

std::optional<std::string> broken_in_api(const Include& include) {
  static const std::regex fine(
      "(hostler/.*|[a-z_]+|std\\w+\\.h|string\\.h|cxxabi\\.h)"); // own, C++, C, the C++ ABI's
  static const std::regex neighbour("(\\.\\./)?\\w+\\.h(pp)?");
  if (std::regex_match(include.header, fine)) return std::nullopt;
  if (include.quoted && std::regex_match(include.header, neighbour)) return std::nullopt;
  return "plugin-api depends on nothing but the standard library";
}

} // namespace

std::vector<Violation> check_includes(std::string_view path_view, std::string_view text) {
  const std::string path(path_view);
  std::vector<Violation> result;
  for (const auto& include : find_includes(text)) {
    std::optional<std::string> rule;
    if (path.starts_with("host/")) rule = broken_in_host(first_part(path.substr(5)), include);
    if (path.starts_with("plugins/")) rule = broken_in_plugin(include);
    if (path.starts_with("plugin-api/include/") || path.starts_with("plugin-api/cpp/"))
      rule = broken_in_api(include);
    if (rule) result.push_back({path + ":" + std::to_string(include.line), include.header, *rule});
  }
  return result;
}

} // namespace hostler::testing
