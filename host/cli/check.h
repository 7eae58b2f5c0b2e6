// What `hostler check` finds out about a configuration, as a list of findings; check_command.cc prints them.
// Thread-safety: one thread. Blocks while broker and database are asked. Changes nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/host_config.h"
#include "core/result.h"
#include "runtime/admin.h"

namespace hostler::cli {

struct Finding {
  enum class Level : std::uint8_t {
    fine,
    plan,    // the host will do this by itself
    warning, // works, but probably not as meant
    wrong,
    unreachable, // could not be found out
  };
  Level level = Level::fine;
  std::string about; // "configuration", "plugin", "broker", "topic", "database", "migration"
  std::string text;  // says what to do unless it is fine
};
using Findings = std::vector<Finding>;

// "fine", "plan", "warning", "wrong", "unreachable".
[[nodiscard]] const char* level_name(Finding::Level level);

// exit_not_fine if anything is wrong, else exit_unreachable if anything could not be found out, else exit_fine.
[[nodiscard]] int exit_code_of(std::span<const Finding> findings);

// "1 topic", "3 topics".
[[nodiscard]] std::string count_of(std::int64_t count, const std::string& what);

// How a plugin is tried: its file is there, it loads, it has the handler and takes its configuration. An error says which of
// these is not so.
struct PluginFacts {
  bool single_lane = false; // the handler asks for one lane
};
using PluginProbe =
    std::function<core::Result<PluginFacts>(const core::HostConfig& config, const core::HandlerConfig& handler)>;

// What only a real cluster can answer. An empty function is not asked.
struct KafkaQuestions {
  // Would the brokers create these? Rights, replication, policies.
  std::function<core::Status<>(std::span<const runtime::TopicSpec> topics)> try_create;
  // How many partitions the group has committed offsets for.
  std::function<core::Result<std::size_t>(const std::string& group)> committed_partitions;
};

void check_configuration(const core::HostConfig& config, Findings& out);
void check_plugins(const core::HostConfig& config, const PluginProbe& probe, Findings& out);
// Files that the configuration names can be read or written.
void check_files(const core::HostConfig& config, Findings& out);
// Of one cluster ("": [kafka]): source topics exist; retry and dead-letter topics exist and fit them, or will be created; groups
// may be used; what is remembered outlasts what can come back. Then what each handler will read and write.
void check_topics(const core::HostConfig& config, const std::string& cluster, runtime::Admin& admin,
                  const KafkaQuestions& questions, Findings& out);
// The brokers of a cluster did not answer because they let nobody in, as `why` says (empty: that is not it): wrong, not unreachable.
void explain_login(Findings& out, const std::string& why);
// The databases answer, are writable, and allow as many sessions as configured; which migrations are pending.
void check_databases(const core::HostConfig& config, Findings& out);

} // namespace hostler::cli
