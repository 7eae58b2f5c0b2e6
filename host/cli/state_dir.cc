#include "cli/state_dir.h"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace hostler::cli {
namespace {

namespace fs = std::filesystem;

// An absolute path from the environment; relative ones are to be ignored, says the XDG specification.
fs::path from_environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return {};
  std::string text = value;
  text.resize(std::min(text.find(':'), text.size()));  // systemd lists several
  return text.starts_with('/') ? fs::path(text) : fs::path();
}

// The host's name as a folder's: nothing in it leads elsewhere.
std::string folder_name(std::string name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'; };
  std::replace_if(name.begin(), name.end(), [&](char c) { return !plain(c); }, '_');
  return name.front() == '.' ? "_" + name : name.substr(0, 200);
}

}  // namespace

core::Result<fs::path> state_folder(const core::HostConfig& config) {
  if (!config.state_dir.empty()) return fs::path(config.state_dir);
  if (auto given = from_environment("STATE_DIRECTORY"); !given.empty()) return given;
  if (const auto state = from_environment("XDG_STATE_HOME"); !state.empty()) return state / "hostler" / folder_name(config.name);
  if (const auto home = from_environment("HOME"); !home.empty()) return home / ".local/state/hostler" / folder_name(config.name);
  return core::Error{config.file + ": there is no folder for the host's state: neither $STATE_DIRECTORY, $XDG_STATE_HOME nor $HOME is set; set [host] state_dir"};
}

}  // namespace hostler::cli
