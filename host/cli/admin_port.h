// The HTTP port of a running host, after [http]. Thread-safety: one thread.
#pragma once

#include <memory>

#include "cli/wire.h"
#include "core/host_config.h"
#include "core/result.h"
#include "http/metrics.h"
#include "http/server.h"

namespace hostler::cli {

// Null if the configuration wants none. Host and metrics must outlive the port. Errors name the key.
[[nodiscard]] core::Result<std::unique_ptr<http::Server>> open_admin_port(const core::HttpConfig& config, const Host& host, const http::Metrics& metrics);

}  // namespace hostler::cli
