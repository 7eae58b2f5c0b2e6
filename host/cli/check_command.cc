#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/check.h"
#include "cli/commands.h"
#include "config/json_schema.h"
#include "config/load_config.h"
#include "kafka/admin.h"
#include "kafka/check_properties.h"
#include "kafka/client_limits.h"
#include "plugin/handler.h"
#include "plugin/loader.h"

namespace hostler::cli {
namespace {

core::Result<PluginFacts> probe_plugin(const core::HostConfig& config, const core::HandlerConfig& handler) {
  const auto file = plugin::find_plugin(handler.plugin, config.plugin_dirs);
  if (!file) return file.error();
  plugin::LoadOptions options;
  options.sha256 = handler.plugin_sha256;
  const auto loaded = plugin::load_plugin(*file, options);
  if (!loaded) return loaded.error();
  if (const auto checked = plugin::check_handler(**loaded, handler); !checked) return checked.error();
  const hostler_handler_desc* const desc = (*loaded)->find_handler(handler.handler);
  return PluginFacts{desc != nullptr && (desc->flags & HOSTLER_HANDLER_SINGLE_LANE) != 0};
}

void check_client(const core::HostConfig& config, Findings& out) {
  const std::vector<std::string> limits = kafka::client_limits();
  out.push_back({Finding::Level::fine, "client",
                 "librdkafka " + kafka::client_version() + (limits.empty() ? ", without limits known to Hostler" : "")});
  for (const std::string& limit : limits)
    out.push_back({Finding::Level::fine, "client", "known of this version: " + limit});
  for (const core::HandlerConfig& handler : config.handlers) {
    if (!handler.enabled) continue;
    if (const auto allowed = kafka::check_consumer_properties(handler); !allowed)
      out.push_back({Finding::Level::wrong, "client",
                     "handler '" + handler.name + "' (" + handler.where + "): " + allowed.error().message});
    if (handler.effects != core::Effects::kafka) continue;
    if (const auto taken = kafka::check_transaction_properties(handler); !taken)
      out.push_back({Finding::Level::wrong, "client",
                     "handler '" + handler.name + "' (" + handler.where + "): " + taken.error().message});
  }
}

void check_cluster(const core::HostConfig& config, const std::string& name, Findings& out) {
  const core::KafkaConfig& cluster = name.empty() ? config.kafka : config.clusters.at(name);
  kafka::AdminOptions options;
  for (const std::string& broker : cluster.brokers)
    options.brokers += (options.brokers.empty() ? "" : ",") + broker;
  options.client_id = cluster.client_id;
  options.properties = cluster.properties;
  options.timeout = std::chrono::seconds(5);
  if (const auto taken = kafka::check_publisher_properties(cluster); !taken)
    out.push_back({Finding::Level::wrong, "client", taken.error().message});
  Findings found;
  kafka::KafkaAdmin admin(std::move(options));
  if (const auto started = admin.start(); !started) {
    out.push_back({Finding::Level::wrong, "broker", started.error().message});
    return;
  }
  const KafkaQuestions questions{
      [&](std::span<const runtime::TopicSpec> topics) { return admin.try_create(topics); },
      [&](const std::string& group) { return admin.committed_partitions(group); }};
  check_topics(config, name, admin, questions, found);
  explain_login(found, admin.refused_login());
  out.insert(out.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
}

// Those that an enabled handler picked; without any the first.
void check_clusters(const core::HostConfig& config, Findings& out) {
  std::set<std::string> names;
  for (const core::HandlerConfig& handler : config.handlers) {
    if (handler.enabled) names.insert(handler.cluster);
  }
  if (names.empty()) names.insert("");
  for (const std::string& name : names) check_cluster(config, name, out);
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
  check_files(*config, findings);
  check_plugins(*config, probe_plugin, findings);
  check_client(*config, findings);
  check_clusters(*config, findings);
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
