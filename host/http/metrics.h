// The host's metrics for Prometheus: counters that lanes feed through runtime::Observer, and gauges computed from the health report
// when somebody asks. Names, labels and buckets are an interface: tests/http/metrics.golden freezes them.
// Thread-safety: any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/health.h"
#include "core/host_config.h"
#include "runtime/observer.h"

namespace hostler::http {

class Metrics final : public runtime::Observer {
 public:
  // Every handler's series are there from the start, at zero.
  Metrics(const core::HostConfig& config, std::string_view version);
  ~Metrics() override;

  void batch_settled(std::string_view handler, const core::TopicPartition& where, int retry_tier, const runtime::SettledCounts& counts, core::Millis took) override;
  void record_noted(const runtime::RecordNote& note) override;
  void intake(std::string_view handler, std::string_view paused_because) override;
  void published(std::string_view handler, std::string_view topic, std::uint64_t acknowledged, std::uint64_t failed) override;
  void expired(std::string_view ledger, std::string_view table, std::uint64_t rows) override;

  // The text format of Prometheus, version 0.0.4.
  [[nodiscard]] std::string text(const core::HostHealth& health) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hostler::http
