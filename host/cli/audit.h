// Who did what to the host and its data: one JSON line per action, appended to [host] audit_log. Thread-safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/host_config.h"
#include "core/result.h"

namespace hostler::cli {

// Writes a line with time, user (and who became that user by sudo), process, action, what it was done to, and how it went. Does nothing
// without an audit log. An error: the line was not written; what must be accounted for must not be done then.
[[nodiscard]] core::Status<> audit(const core::HostConfig& config, std::string_view action, std::string_view object, std::string_view outcome);

}  // namespace hostler::cli
