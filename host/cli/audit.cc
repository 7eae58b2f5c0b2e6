#include "cli/audit.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "plugin/plugin_file.h"

namespace hostler::cli {

core::Status<> audit(const core::HostConfig& config, std::string_view action, std::string_view object, std::string_view outcome) {
  if (config.audit_log.empty()) return core::Status<>::success();
  nlohmann::ordered_json line = {{"time", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())))},
                                 {"user", plugin::owner_name(geteuid())},
                                 {"pid", getpid()},
                                 {"host", config.name},
                                 {"action", action},
                                 {"object", object},
                                 {"outcome", outcome}};
  if (const char* const sudo = std::getenv("SUDO_USER"); sudo != nullptr) line["sudo_user"] = sudo;
  const std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  const auto failed = [&] { return core::Error{"[host] audit_log = \"" + config.audit_log + "\": " + std::strerror(errno) + "; nothing is done that cannot be accounted for"}; };
  const int file = open(config.audit_log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
  if (file < 0) return failed();
  struct stat kind {};
  if (fstat(file, &kind) != 0 || !S_ISREG(kind.st_mode)) {  // root may write into a folder of the service's user
    close(file);
    errno = EINVAL;
    return failed();
  }
  const ssize_t written = write(file, text.data(), text.size());  // one write: lines of several processes do not mix
  const bool whole = written == static_cast<ssize_t>(text.size()) && fdatasync(file) == 0;
  const auto status = whole ? core::Status<>::success() : core::Status<>(failed());
  close(file);
  return status;
}

}  // namespace hostler::cli
