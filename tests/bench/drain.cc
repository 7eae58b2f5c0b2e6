#include "bench/drain.h"

#include <fmt/core.h>

#include <cstdio>
#include <stdexcept>

namespace hostler::bench {
namespace {

constexpr const char* marker = "measured ";

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

} // namespace

Drain::Instant Drain::Instant::now() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {std::chrono::steady_clock::now(), seconds(usage.ru_utime) + seconds(usage.ru_stime)};
}

void Drain::settled(std::uint64_t records) {
  const std::scoped_lock lock(mutex_);
  if (count_ == 0) {
    begin_ = Instant::now();
    first_batch_ = records;
  }
  const bool before = count_ < expected_;
  ++batches_;
  count_ += records;
  if (before && count_ >= expected_) {
    end_ = Instant::now();
    all_.notify_all();
  }
}

bool Drain::done() {
  const std::scoped_lock lock(mutex_);
  return count_ >= expected_;
}

Measured Drain::finish(std::chrono::seconds patience) {
  std::unique_lock lock(mutex_);
  const bool all = all_.wait_for(lock, patience, [this] { return count_ >= expected_; });
  if (!all || count_ != expected_)
    throw std::runtime_error(fmt::format("{} of {} records were settled", count_, expected_));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {expected_ - first_batch_, std::chrono::duration<double>(end_.at - begin_.at).count(),
          end_.cpu_seconds - begin_.cpu_seconds, static_cast<double>(usage.ru_maxrss) / 1024,
          static_cast<double>(count_) / static_cast<double>(batches_)};
}

std::string to_line(const Measured& m) {
  return fmt::format("{}{} {:.6f} {:.6f} {:.1f} {:.1f}\n", marker, m.records, m.seconds, m.cpu_seconds,
                     m.peak_mb, m.batch);
}

Measured from_output(const std::string& output) {
  const auto at = output.rfind(marker);
  Measured m;
  unsigned long long records = 0;
  if (at == std::string::npos || std::sscanf(output.c_str() + at, "measured %llu %lf %lf %lf %lf", &records,
                                             &m.seconds, &m.cpu_seconds, &m.peak_mb, &m.batch) != 5)
    throw std::runtime_error("a side of the bench ended without a result; its output:\n" + output);
  m.records = records;
  return m;
}

} // namespace hostler::bench
