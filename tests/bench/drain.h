// The stopwatch of both sides: from the first settled batch, when fetching is under way and joining is over, to the last
// settled record. Thread-safety: settled() from any thread; the rest from the thread that made it.
#pragma once

#include <sys/resource.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

namespace hostler::bench {

struct Measured {
  std::uint64_t records = 0; // settled within the time, the first batch not counted
  double seconds = 0;
  double cpu_seconds = 0; // of the whole process, within the time
  double peak_mb = 0;     // resident, of the whole process and all of its life
  double batch = 0;       // records per batch, on average

  [[nodiscard]] double rate() const { return static_cast<double>(records) / seconds; }
  [[nodiscard]] double cpu_per_million() const { return cpu_seconds / static_cast<double>(records) * 1e6; }
};

// One line, and back from all that a child printed; throws with the output when there is none.
[[nodiscard]] std::string to_line(const Measured& measured);
[[nodiscard]] Measured from_output(const std::string& output);

class Drain {
 public:
  explicit Drain(std::uint64_t expected) : expected_(expected) {}

  // `records` more are settled. More than expected in total is an error that finish() throws.
  void settled(std::uint64_t records);
  [[nodiscard]] bool done();
  // Waits until all are settled; throws when that takes longer than `patience`.
  Measured finish(std::chrono::seconds patience);

 private:
  struct Instant {
    std::chrono::steady_clock::time_point at;
    double cpu_seconds = 0;
    static Instant now();
  };

  const std::uint64_t expected_;
  std::mutex mutex_;
  std::condition_variable all_;
  std::uint64_t count_ = 0, first_batch_ = 0, batches_ = 0; // guarded by mutex_
  Instant begin_, end_;                                     // guarded by mutex_
};

} // namespace hostler::bench
