// A handler's look at its ledger beside the records' way, in a thread of its own: whether somebody moved a mark, how many records are stuck;
// and it writes down what Kafka acknowledged of partitions that stand idle or were given up, where no next fence does it soon.
// Thread-safety: start and stop from one thread; the rest from any, quick.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/record.h"
#include "core/types.h"
#include "runtime/ledger.h"
#include "runtime/ledger_operations.h"

namespace hostler::runtime {

// A retry row that was due so long ago is stuck.
inline constexpr std::chrono::minutes stuck_after{10};

class LedgerWatch {
 public:
  LedgerWatch(std::string service, Ledger& ledger, core::Millis every = core::Millis(2'000), core::Millis count_every = core::Millis(60'000))
      : service_(std::move(service)), ledger_(ledger), every_(every), count_every_(count_every) {}
  ~LedgerWatch() { stop(); }
  LedgerWatch(const LedgerWatch&) = delete;
  LedgerWatch& operator=(const LedgerWatch&) = delete;

  void start();
  // Writes what was told last; waits for a question under way.
  void stop();

  void acknowledged(const core::TopicPartition& where, const core::Mark& mark, core::Offset acked);
  // The ledger's mark is a later one than this, as of the last look.
  [[nodiscard]] bool moved(const core::TopicPartition& where, const core::Mark& mark) const;
  // Empty: not known yet.
  [[nodiscard]] std::optional<std::uint64_t> stuck() const;

 private:
  struct Told {
    core::Mark mark;
    core::Offset acked;
    bool written = false;
  };
  void run();
  void write_acknowledged();
  void look();
  void count();

  const std::string service_;
  Ledger& ledger_;
  const core::Millis every_, count_every_;
  mutable std::mutex mutex_;
  std::condition_variable stopping_;
  bool stop_ = false;                              // guarded by mutex_, as all below
  std::map<core::TopicPartition, Told> told_;
  std::map<core::TopicPartition, core::Mark> seen_;
  std::optional<std::uint64_t> stuck_;
  std::thread thread_;                             // start and stop only
};

}  // namespace hostler::runtime
