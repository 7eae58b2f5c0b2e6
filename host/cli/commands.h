// The commands of `hostler`, each a function from its options to an exit code. Thread-safety: called from main, once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/host_config.h"
#include "core/types.h"

namespace hostler::cli {

inline constexpr int exit_fine = 0;
inline constexpr int exit_not_fine = 1;    // the thing asked about is not fine
inline constexpr int exit_usage = 2;       // command line or configuration
inline constexpr int exit_unreachable = 3; // broker or database
inline constexpr int exit_handler = 4;     // of `run`: a handler hung, or called exit()

inline constexpr const char* default_config = "/etc/hostler/hostler.toml";

struct CheckOptions {
  std::string config;
  bool json = false;
  bool show = false;   // only print every value and its source
  bool schema = false; // only print the JSON Schema of configurations
};

struct MigrateOptions {
  std::string config;
  bool dry_run = false;
};

struct OffsetsShowOptions {
  std::string config;
  std::string handler; // empty: all
  bool json = false;
};

// Where a rewind goes to.
struct RewindTarget {
  enum class Kind : std::uint8_t { offset, earliest, latest, time };
  Kind kind = Kind::offset;
  core::Offset offset;
  core::Timestamp time{};
};

struct OffsetsRewindOptions {
  std::string config, handler, topic;
  std::optional<std::int32_t> partition; // empty: all
  RewindTarget to;
  bool forget_ids = false;
  bool yes = false; // else only what would be done
  bool json = false;
};

struct OffsetsAdoptOptions {
  std::string config, handler, topic;
  std::optional<std::int32_t> partition; // empty: all
  bool yes = false;
  bool json = false;
};

struct LedgerStuckOptions {
  std::string config;
  std::string handler; // empty: all
  core::Millis older_than{std::chrono::minutes(10)};
  bool reissue = false;
  bool yes = false;
  bool json = false;
};

struct VersionOptions {};

struct DemoOptions {
  std::optional<core::Millis> duration; // --for: of producing; empty: until interrupted
  std::uint32_t rate = 50;              // records produced per second
  bool plain = false;                   // plain lines, also on a terminal
  std::uint64_t seed = 1;               // of the traffic
  std::string plugin;                   // --plugin: somebody's own instead of the interview platform
  std::string config, records;          // with plugin: its TOML, and what to send; empty: a sample
};

struct PluginInspectOptions {
  std::string file;
  bool json = false;
};

struct PluginNewOptions {
  std::string name;
  std::string language = "cpp"; // "c" or "cpp"
  std::string folder;           // --into: where NAME/ is made
};

struct PluginTestOptions {
  std::string file;
  std::string config;  // TOML with [[handler]], as for `run`; [kafka] may be missing
  std::string records; // JSON lines
  std::string expect;  // JSON lines; empty: only compare the ways
  std::string ledger;  // a database to use instead of a temporary SQLite file
  std::string handler; // which [[handler]] by name; empty: the first of this plugin
};

// Runs handlers until SIGTERM or SIGINT, then drains; a second signal stops at once. Must be called before any thread is started.
int run_host(const core::HostConfig& config);
int run_demo(const DemoOptions& options);
int run_plugin_demo(const DemoOptions& options);

int run_check(const CheckOptions& options);
int run_migrate(const MigrateOptions& options);
int run_offsets_show(const OffsetsShowOptions& options);
int run_offsets_rewind(const OffsetsRewindOptions& options);
int run_offsets_adopt(const OffsetsAdoptOptions& options);
int run_ledger_stuck(const LedgerStuckOptions& options);
int run_version();
int run_plugin_inspect(const PluginInspectOptions& options);
int run_plugin_new(const PluginNewOptions& options);
int run_plugin_test(const PluginTestOptions& options);

// Reads the configuration; on errors prints all of them to stderr and returns nothing (the exit code is exit_usage).
[[nodiscard]] std::optional<core::HostConfig> load_or_complain(const std::string& path);

} // namespace hostler::cli
