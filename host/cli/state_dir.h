// Where a host keeps what must outlive its process: [host] state_dir, or what the system offers. Used by `run` and `check`. Pure but for
// the environment; thread-safety: as getenv.
#pragma once

#include <filesystem>

#include "core/host_config.h"
#include "core/result.h"

namespace hostler::cli {

// [host] state_dir; else systemd's $STATE_DIRECTORY; else hostler/NAME in $XDG_STATE_HOME or $HOME/.local/state. Not made yet.
// Error: there is none of them.
[[nodiscard]] core::Result<std::filesystem::path> state_folder(const core::HostConfig& config);

}  // namespace hostler::cli
