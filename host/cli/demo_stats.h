// What the demo knows of its host while it runs: counts by fate, who waits for a retry, the latest fates. The host's lane threads
// write it through runtime::Observer; the view copies it. Thread-safety: any thread; every call is short.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/disposition.h"
#include "core/host_config.h"
#include "runtime/clock.h"
#include "runtime/observer.h"

namespace hostler::cli {

using OutcomeCounts = std::array<std::uint64_t, core::outcome_count>;

// Of one handler. A record is read from its source topic once, and from retry topics as often as it is retried.
struct HandlerCounts {
  OutcomeCounts source{}, retry{}; // index: core::Outcome
  std::string paused_because;      // empty while records flow

  [[nodiscard]] std::uint64_t read() const; // from source topics
  [[nodiscard]] std::uint64_t ended(
      core::Outcome outcome) const;            // records whose last word this is; none for retry
  [[nodiscard]] std::uint64_t settled() const; // with a last word
  // Repeated copies on retry topics: no records of their own, ignored as duplicates.
  [[nodiscard]] std::uint64_t repeated_copies() const {
    return retry[static_cast<std::size_t>(core::Outcome::duplicate)];
  }
};

// A record that waits for its next attempt.
struct WaitingRecord {
  std::string handler, event_id, event_type, delay; // delay: of its tier, as configured
  std::uint32_t attempt = 2;                        // the next one
  core::Timestamp due{}, failed_first{};
};

// What became of a record, if more than plain done.
struct Fate {
  core::Timestamp at{};
  std::string handler, place, event_id, text; // place: topic/partition@offset
  core::Outcome outcome = core::Outcome::done;
};

struct DemoCounts {
  std::map<std::string, HandlerCounts> handlers;
  std::vector<WaitingRecord> waiting; // by due time
  std::deque<Fate> fates;             // newest last
};

class DemoStats final : public runtime::Observer {
 public:
  // Both must outlive it.
  DemoStats(const core::HostConfig& config, const runtime::Clock& clock);

  void batch_settled(std::string_view handler, const core::TopicPartition& where, int retry_tier,
                     const runtime::SettledCounts& counts, core::Millis took) override;
  void record_noted(const runtime::RecordNote& note) override;
  void intake(std::string_view handler, std::string_view paused_because) override;

  [[nodiscard]] DemoCounts snapshot() const;

 private:
  using Origin =
      std::tuple<std::string, std::string, std::int32_t, std::int64_t>; // handler, topic, partition, offset
  using Queue = std::pair<std::string, core::TopicPartition>;           // handler, partition of a retry topic
  struct Waiting {
    WaitingRecord record;
    std::uint64_t ticket = 0; // of the copy that is waited for
  };

  const core::HandlerConfig& config_of(std::string_view handler) const;
  void wait_for_copy(const runtime::RecordNote& note, Origin origin, core::Timestamp now);
  void add_fate(Fate fate);

  const core::HostConfig& config_;
  const runtime::Clock& clock_;
  mutable std::mutex mutex_;
  // guarded by mutex_
  std::map<std::string, HandlerCounts> handlers_;
  std::map<Origin, Waiting> waiting_;
  std::map<Queue, std::deque<std::pair<Origin, std::uint64_t>>>
      copies_; // in the order of the retry partition
  std::deque<Fate> fates_;
  std::uint64_t tickets_ = 0;
};

} // namespace hostler::cli
