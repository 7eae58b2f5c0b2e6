// Where the running host's log goes: stderr, or a file that is opened anew when it was rotated. Thread-safety: one thread.
#pragma once

#include "core/host_config.h"
#include "core/result.h"

namespace hostler::cli {

class LogOutput {
 public:
  LogOutput() = default;
  ~LogOutput();
  LogOutput(const LogOutput&) = delete;
  LogOutput& operator=(const LogOutput&) = delete;

  // Level, format and file of the configuration from now on. An error leaves the log where it was.
  [[nodiscard]] core::Status<> apply(const core::HostConfig& config);

 private:
  int descriptor_ = -1;  // of the file; -1: stderr
};

}  // namespace hostler::cli
