// What the host's HTTP port says: /livez, /readyz, /health, /metrics. Thread-safety: pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/health.h"
#include "http/metrics.h"
#include "http/server.h"

namespace hostler::http {

// The health report as JSON, with what was made of it and a snake_case field per number.
[[nodiscard]] std::string health_json(const core::HostHealth& health, const core::Assessment& assessment);

// Answers every path from a fresh report.
[[nodiscard]] Respond pages(std::function<core::HostHealth()> report, const Metrics& metrics);

}  // namespace hostler::http
