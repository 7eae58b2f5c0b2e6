// The health report as Prometheus gauges. Private to http/. Thread-safety: pure.
#pragma once

#include <prometheus/metric_family.h>

#include <chrono>
#include <string>
#include <vector>

#include "core/health.h"

namespace hostler::http {

[[nodiscard]] std::vector<prometheus::MetricFamily> gauges(const core::HostHealth& health, const std::string& version, std::chrono::system_clock::time_point started);

}  // namespace hostler::http
