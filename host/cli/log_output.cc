#include "cli/log_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/log.h"

namespace hostler::cli {

LogOutput::~LogOutput() {
  if (descriptor_ < 0) return;
  runtime::set_log_output(STDERR_FILENO);
  close(descriptor_);
}

core::Status<> LogOutput::apply(const core::HostConfig& config) {
  int opened = -1;
  if (!config.log_file.empty()) {
    opened = open(config.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (opened < 0) return core::Error{"[host] log_file = \"" + config.log_file + "\": " + std::strerror(errno) + "; the folder must exist and be writable"};
  }
  runtime::set_log_output(opened < 0 ? STDERR_FILENO : opened, config.log_format);
  if (const auto level = runtime::parse_log_level(config.log_level)) runtime::set_log_level(*level);
  const int before = std::exchange(descriptor_, opened);
  if (before >= 0) close(before);
  return core::Status<>::success();
}

}  // namespace hostler::cli
