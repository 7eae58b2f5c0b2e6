// What one child process of the benches is told: each side of a comparison runs in a process of its own, so that both
// are measured the same way. Thread-safety: values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/host_config.h"

namespace hostler::bench {

struct Job {
  std::string side;          // "consume-twin", "effects-twin", "host" or "latency"
  std::string config;        // the host's configuration file; twins read their settings from it as well
  std::uint64_t records = 0; // how many there are in the topic
  std::uint64_t rate = 0;    // latency: records per second
};

[[nodiscard]] std::vector<std::string> to_arguments(const Job& job);
// The job that to_arguments() wrote; throws when it is none.
[[nodiscard]] Job to_job(const std::vector<std::string>& arguments);

// The configuration at job.config; throws with its first error. It has one handler.
[[nodiscard]] core::HostConfig load(const Job& job);

} // namespace hostler::bench
