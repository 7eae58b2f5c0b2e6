#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/check.h"
#include "cli/commands.h"
#include "config/json_schema.h"
#include "config/load_config.h"
#include "kafka/admin.h"
#include "plugin/handler.h"
#include "plugin/loader.h"

namespace hostler::cli {
namespace {

core::Status<> probe_plugin(const core::HostConfig& config, const core::HandlerConfig& handler) {
  const auto file = plugin::find_plugin(handler.plugin, config.plugin_dirs);
  if (!file) return file.error();
  const auto loaded = plugin::load_plugin(*file);
  if (!loaded) return loaded.error();
  return plugin::check_handler(**loaded, handler);
}

void check_broker(const core::HostConfig& config, Findings& out) {
  kafka::AdminOptions options;
  for (const std::string& broker : config.kafka.brokers)
    options.brokers += (options.brokers.empty() ? "" : ",") + broker;
  options.client_id = config.kafka.client_id;
  options.properties = config.kafka.properties;
  options.timeout = std::chrono::seconds(5);
  kafka::KafkaAdmin admin(std::move(options));
  if (const auto started = admin.start(); !started) {
    out.push_back({Finding::Level::wrong, "broker", started.error().message});
    return;
  }
  check_topics(config, admin, out);
}

void print_json(const std::string& file, const Findings& findings) {
  nlohmann::ordered_json document;
  document["file"] = file;
  document["fine"] = exit_code_of(findings) == exit_fine;
  document["findings"] = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    document["findings"].push_back(
        {{"level", level_name(finding.level)}, {"about", finding.about}, {"text", finding.text}});
  }
  std::puts(document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

// The first word of the line, coloured on a terminal.
const char* colour_of(Finding::Level level) {
  switch (level) {
    case Finding::Level::fine: return "\x1b[32m";
    case Finding::Level::plan: return "\x1b[36m";
    case Finding::Level::warning: return "\x1b[33m";
    case Finding::Level::wrong:
    case Finding::Level::unreachable: return "\x1b[31m";
  }
  return "";
}

void print_lines(const Findings& findings) {
  const bool colours = ::isatty(STDOUT_FILENO) == 1;
  std::array<std::size_t, 5> counts{};
  for (const Finding& finding : findings) {
    ++counts.at(static_cast<std::size_t>(finding.level));
    std::printf("%s%-11s%s  %-13s  %s\n", colours ? colour_of(finding.level) : "", level_name(finding.level),
                colours ? "\x1b[0m" : "", finding.about.c_str(), finding.text.c_str());
  }
  std::string summary;
  for (std::size_t i = 1; i < counts.size(); ++i) {
    if (counts.at(i) != 0)
      summary += (summary.empty() ? "" : ", ") + std::to_string(counts.at(i)) + " " +
                 level_name(static_cast<Finding::Level>(i));
  }
  std::printf("%s\n", summary.empty() ? "all fine" : summary.c_str());
}

void print_settings_json(const std::string& file, const std::vector<config::Setting>& settings) {
  using nlohmann::ordered_json;
  ordered_json document;
  document["file"] = file;
  document["settings"] = ordered_json::array();
  for (const config::Setting& setting : settings) {
    ordered_json value = ordered_json::parse(setting.value, nullptr, false);
    if (value.is_discarded()) value = setting.value; // an inline table of [handler.config]: as TOML
    document["settings"].push_back({{"key", setting.key}, {"value", std::move(value)}, {"source", setting.source}});
  }
  std::puts(document.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
}

void print_settings(const std::vector<config::Setting>& settings) {
  constexpr std::size_t widest = 60; // a column that fits most keys and values; longer ones push the rest to the right
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  for (const config::Setting& setting : settings) {
    key_width = std::max(key_width, std::min(setting.key.size(), widest));
    value_width = std::max(value_width, std::min(setting.value.size(), widest));
  }
  for (const config::Setting& setting : settings) {
    std::printf("%-*s  %-*s  # %s\n", static_cast<int>(key_width), setting.key.c_str(), static_cast<int>(value_width),
                setting.value.c_str(), setting.source.c_str());
  }
}

} // namespace

int run_check(const CheckOptions& options) {
  if (options.schema) {
    std::fputs(config::json_schema().c_str(), stdout);
    return exit_fine;
  }
  std::vector<config::Setting> settings;
  const auto config = config::load_config(options.config, config::process_environment(), &settings);
  Findings findings;
  if (!config) {
    for (const config::ConfigError& error : config.error())
      findings.push_back({Finding::Level::wrong, "configuration", error.text()});
    options.json ? print_json(options.config, findings) : print_lines(findings);
    return exit_usage;
  }
  if (options.show) {
    options.json ? print_settings_json(options.config, settings) : print_settings(settings);
    return exit_fine;
  }
  check_configuration(*config, findings);
  check_plugins(*config, probe_plugin, findings);
  check_broker(*config, findings);
  check_databases(*config, findings);
  options.json ? print_json(options.config, findings) : print_lines(findings);
  return exit_code_of(findings);
}

std::optional<core::HostConfig> load_or_complain(const std::string& path) {
  auto config = config::load_config(path, config::process_environment());
  if (config) return std::move(*config);
  for (const config::ConfigError& error : config.error()) std::fprintf(stderr, "%s\n", error.text().c_str());
  std::fprintf(stderr, "hostler: the configuration has %zu %s\n", config.error().size(),
               config.error().size() == 1 ? "error" : "errors");
  return std::nullopt;
}

} // namespace hostler::cli
