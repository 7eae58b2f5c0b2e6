#include "cli/demo_setup.h"

#include <stdlib.h>

#include <fstream>
#include <system_error>
#include <utility>

#include "cli/database.h"
#include "config/load_config.h"

namespace hostler::cli {

namespace fs = std::filesystem;

core::Result<DemoFolder> DemoFolder::create() {
  std::error_code error;
  std::string name = (fs::temp_directory_path(error) / "hostler-demo-XXXXXX").string();
  if (error || ::mkdtemp(name.data()) == nullptr)
    return core::Error{"cannot create a temporary folder like " + name + "; is TMPDIR right?"};
  return DemoFolder(name);
}

DemoFolder::~DemoFolder() {
  std::error_code ignored;
  if (!path_.empty() && !keep_) fs::remove_all(path_, ignored);
}

DemoFolder::DemoFolder(DemoFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), keep_(other.keep_) {}

core::Result<DemoPlugin> find_demo_plugin() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return core::Error{"cannot tell where this program is (/proc/self/exe): " + error.message()};
  const fs::path folder = program.parent_path() / "plugins";
  const DemoPlugin plugin{folder / "interview.so", folder / "interview" / "migrations"};
  for (const auto& needed : {plugin.library, plugin.migrations}) {
    if (!fs::exists(needed, error))
      return core::Error{"the demo's plugin is not here: " + needed.string() +
                         " is missing; build everything with ./dev build"};
  }
  return plugin;
}

const Subscriptions& demo_subscriptions() {
  static const Subscriptions all = {
      {"user-service", {"user-events", "auth-events", "media-events"}},
      {"interview-service", {"user-events", "interview-events"}},
      {"analytics-service", {"user-events", "interview-events", "media-events", "auth-events"}}};
  return all;
}

std::string demo_dead_letter_topic(std::string_view topic) { return std::string(topic) + "-dlq"; }

std::string demo_toml(const std::string& brokers, const std::map<std::string, std::string>& properties,
                      const DemoPlugin& plugin, const fs::path& folder) {
  const auto quoted = [](const std::string& text) { return '"' + text + '"'; };
  std::string out =
      R"(# What `hostler demo` runs. The same shape as conf/interview-platform.toml, with delays of seconds.
[host]
name = "demo"
memory = "64M"

[kafka]
client_id = "demo"
)";
  out += "brokers = [" + quoted(brokers) +
         "]   # a mock cluster inside the demo's process\n[kafka.properties]\n";
  for (const auto& [name, value] : properties) out += quoted(name) + " = " + quoted(value) + "\n";
  out += "\n[ledger]\nurl = " + quoted("sqlite://" + (folder / "ledger.db").string()) + "\n";
  out += R"(
[defaults.retry]
delays = ["2s", "4s", "8s"]
)";
  out += "max_retries = " + std::to_string(demo_max_retries) + "\n";
  out += R"([defaults.dead_letter]
topic = "{topic}-dlq"
headers = ["original-topic"]
)";
  for (const auto& [service, topics] : demo_subscriptions()) {
    std::string list;
    for (const auto& topic : topics) list += (list.empty() ? "" : ", ") + quoted(topic);
    out +=
        "\n[[handler]]\nname = " + quoted(service) + "\nplugin = " + quoted(plugin.library.string()) + "\n";
    out += "handler = " + quoted("interview." + service) + "\ntopics = [" + list +
           "]\ngroup = " + quoted(service + "-group") + "\n";
    out += "start = \"earliest\"\nevent_id = \"json:/eventId\"\nevent_type = \"json:/eventType\"\n";
    out += "migrations = " + quoted(plugin.migrations.string()) + "\n";
    out +=
        "[handler.config]\nfault_injection = true   # events may ask to fail; see "
        "plugins/interview/README.md\n";
  }
  return out;
}

core::Result<core::HostConfig> prepare_demo(const std::string& toml, const fs::path& folder) {
  const fs::path file = folder / "hostler.toml";
  std::ofstream out(file);
  out << toml;
  out.close();
  if (!out) return core::Error{"cannot write " + file.string()};
  auto config = config::load_config(file.string(), {});
  if (!config) {
    std::string all;
    for (const auto& error : config.error()) all += (all.empty() ? "" : "\n") + error.text();
    return core::Error{all};
  }
  auto migrator = open_database(*config, databases_of(*config).front(), false);
  if (!migrator) return core::Error{migrator.error().message};
  if (auto applied = (*migrator)->apply(); !applied) return applied.error();
  return std::move(*config);
}

} // namespace hostler::cli
