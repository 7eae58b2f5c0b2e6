// What the demo runs on: a temporary folder with a configuration shaped as the platform's, a SQLite database in it, the mock cluster's
// topics, and the plugin that was built beside the program. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/demo_reference.h"
#include "core/host_config.h"
#include "core/result.h"

namespace hostler::cli {

// Removed with everything in it by the destructor, unless keep() was called.
class DemoFolder {
 public:
  [[nodiscard]] static core::Result<DemoFolder> create();
  ~DemoFolder();
  DemoFolder(DemoFolder&& other) noexcept;
  DemoFolder& operator=(DemoFolder&&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  void keep() { keep_ = true; }

 private:
  explicit DemoFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
  bool keep_ = false;
};

struct DemoPlugin {
  std::filesystem::path library, migrations;
};

// Looks beside the running program, where the build leaves it. The error says where it looked.
[[nodiscard]] core::Result<DemoPlugin> find_demo_plugin();

inline constexpr int demo_partitions = 3; // of each source topic

inline constexpr std::uint32_t demo_max_retries = 3;

// Which topics each service reads in the demo.
[[nodiscard]] const Subscriptions& demo_subscriptions();
[[nodiscard]] std::string demo_dead_letter_topic(std::string_view topic);

// The configuration as TOML.
[[nodiscard]] std::string demo_toml(const std::string& brokers,
                                    const std::map<std::string, std::string>& properties,
                                    const DemoPlugin& plugin, const std::filesystem::path& folder);

// Writes the TOML into the folder, reads it back the way `run` does, and creates the database's tables.
[[nodiscard]] core::Result<core::HostConfig> prepare_demo(const std::string& toml,
                                                          const std::filesystem::path& folder);

} // namespace hostler::cli
