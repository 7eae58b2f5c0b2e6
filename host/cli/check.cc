#include "cli/check.h"

#include <algorithm>
#include <set>
#include <utility>

#include "cli/commands.h"

namespace hostler::cli {

using Level = Finding::Level;

const char* level_name(Level level) {
  switch (level) {
    case Level::fine: return "fine";
    case Level::plan: return "plan";
    case Level::warning: return "warning";
    case Level::wrong: return "wrong";
    case Level::unreachable: return "unreachable";
  }
  return "wrong";
}

std::string count_of(std::int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

int exit_code_of(std::span<const Finding> findings) {
  const auto has = [&](Level level) {
    return std::any_of(findings.begin(), findings.end(),
                       [&](const Finding& finding) { return finding.level == level; });
  };
  if (has(Level::wrong)) return exit_not_fine;
  return has(Level::unreachable) ? exit_unreachable : exit_fine;
}

void check_configuration(const core::HostConfig& config, Findings& out) {
  const auto enabled = std::count_if(config.handlers.begin(), config.handlers.end(),
                                     [](const core::HandlerConfig& handler) { return handler.enabled; });
  out.push_back({Level::fine, "configuration",
                 config.file + ": " + count_of(static_cast<std::int64_t>(config.handlers.size()), "handler") +
                     ", " + std::to_string(enabled) + " enabled"});
  if (enabled == 0)
    out.push_back({Level::warning, "configuration", "no handler is enabled, so nothing would run"});
  if (config.from_environment.empty()) return;
  std::string names;
  for (const std::string& name : config.from_environment) names += (names.empty() ? "" : ", ") + name;
  out.push_back({Level::fine, "configuration", "set by the environment: " + names});
}

void check_plugins(const core::HostConfig& config, const PluginProbe& probe, Findings& out) {
  for (const core::HandlerConfig& handler : config.handlers) {
    if (!handler.enabled) continue;
    const auto tried = probe(config, handler);
    if (!tried) {
      out.push_back({Level::wrong, "plugin",
                     "handler '" + handler.name + "' (" + handler.where + "): " + tried.error().message});
      continue;
    }
    out.push_back({Level::fine, "plugin",
                   handler.plugin + " has '" + handler.handler + "' for handler '" + handler.name + "'"});
    if (tried->single_lane && handler.lanes > 1) {
      out.push_back({Level::warning, "plugin",
                     "handler '" + handler.name + "' asks for one lane; lanes = " + std::to_string(handler.lanes) +
                         " has no effect, leave it out"});
    }
  }
}

void explain_login(Findings& out, const std::string& why) {
  if (why.empty()) return;
  for (Finding& finding : out) {
    if (finding.level == Level::unreachable && finding.about == "broker")
      finding = {Level::wrong, "broker", "the login is refused: " + why};
  }
}

} // namespace hostler::cli
