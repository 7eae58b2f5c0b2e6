// The suspects among the records of one handler's partitions on this host: those in whose handling a host died, as the ledger (or without
// one the state folder) knows them. Loaded when a partition is taken over, forgotten when it goes, erased one by one as they are settled.
// Thread-safety: any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/host_config.h"
#include "core/record.h"
#include "runtime/crash_journal.h"
#include "runtime/ledger.h"
#include "runtime/local_suspects.h"

namespace hostler::runtime {

// What the run before left in hand, as suspects: one per record.
[[nodiscard]] std::vector<Suspect> suspects_of(const Crash& crash);
// … and in lines for the log.
[[nodiscard]] std::vector<std::string> in_words(const Crash& crash);

class Suspects {
 public:
  // With neither ledger nor local store there are none. Both outlive this.
  Suspects(const core::HandlerConfig& handler, Ledger* ledger, LocalSuspects* local) : handler_(handler), ledger_(ledger), local_(local) {}

  // Before the first record of these partitions is read. The ledger is asked if there is one.
  [[nodiscard]] LedgerStatus load(std::span<const TakenPartition> partitions);
  void forget(std::span<const core::TopicPartition> partitions);

  // Says of each suspect in the batch how often it crashed (Record::crashes). One that did so too often, at least once with nobody else to
  // blame, is not to be handled any more (Record::invalid).
  void mark(core::Batch& batch) const;
  // A record of `where` with crashes was settled.
  void settled(const core::TopicPartition& where, const core::Record& record);
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  using ByOffset = std::map<std::int64_t, Suspect>;
  void recount();

  const core::HandlerConfig& handler_;
  Ledger* const ledger_;
  LocalSuspects* const local_;
  mutable std::mutex mutex_;
  std::map<core::TopicPartition, ByOffset> known_;  // guarded by mutex_; no entry is empty
  std::atomic<std::size_t> count_{0};
};

}  // namespace hostler::runtime
