#include <fmt/core.h>

#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bench/sides.h"
#include "bench/statistics.h"
#include "bench/traffic.h"
#include "cli/wire.h"
#include "runtime/log.h"
#include "support/wait.h"

namespace hostler::bench {
namespace {

using Clock = std::chrono::steady_clock;

// One partition, so the n-th record that is settled is the n-th that was produced.
class SettledTimes final : public runtime::Observer {
 public:
  void batch_settled(std::string_view, const core::TopicPartition&, int, const runtime::SettledCounts& counts,
                     core::Millis) override {
    const auto now = Clock::now();
    const std::scoped_lock lock(mutex_);
    times_.resize(times_.size() + counts.by_outcome[static_cast<std::size_t>(core::Outcome::done)], now);
  }
  void record_noted(const runtime::RecordNote&) override {}
  void intake(std::string_view, std::string_view) override {}

  [[nodiscard]] std::vector<Clock::time_point> times() const {
    const std::scoped_lock lock(mutex_);
    return times_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Clock::time_point> times_; // guarded by mutex_
};

void wait_for(const SettledTimes& settled, std::size_t count) {
  if (!testing::eventually(std::chrono::seconds(60), [&] { return settled.times().size() >= count; }))
    throw std::runtime_error(fmt::format("{} of {} records were settled", settled.times().size(), count));
}

} // namespace

void run_latency(const Job& job) {
  runtime::set_log_level(runtime::LogLevel::warn);
  const auto config = load(job);
  SettledTimes settled;
  const auto host = cli::make_host(config, {.observer = &settled, .admin = nullptr, .probe_program = HOSTLER_BINARY});
  if (auto started = host->start(); !started) throw std::runtime_error(started.error().message);

  const std::string topic = config.handlers.front().topics.front();
  Traffic traffic(config.kafka.brokers.front(), Traffic::Hurry::latency);
  constexpr std::size_t first = 1000; // joins, connects, warms up
  for (std::size_t i = 0; i < first; ++i) traffic.produce(topic, 0);
  wait_for(settled, first);

  const auto interval = std::chrono::nanoseconds(1'000'000'000 / job.rate);
  const auto begin = Clock::now();
  const auto intended = [&](std::size_t i) { return begin + interval * static_cast<std::int64_t>(i); };
  for (std::size_t i = 0; i < job.records; ++i) {
    std::this_thread::sleep_until(intended(i));
    traffic.produce(topic, 0);
  }
  traffic.flush();
  wait_for(settled, first + job.records);

  std::vector<double> took;
  const auto times = settled.times();
  for (std::size_t i = 0; i < job.records; ++i)
    took.push_back(std::chrono::duration<double, std::milli>(times[first + i] - intended(i)).count());
  fmt::print("latency {:.2f} {:.2f}\n", quantile(took, 0.5), quantile(took, 0.99));
  host->drain(std::chrono::steady_clock::now() + config.drain_timeout);
}

} // namespace hostler::bench
