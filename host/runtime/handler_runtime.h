// One configured handler at work: its group membership, its lanes' threads, and the retry consumer of its tiers.
// Thread-safety: start, drain from one thread; state from any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/health.h"
#include "core/host_config.h"
#include "runtime/admin.h"
#include "runtime/clock.h"
#include "runtime/crash_journal.h"
#include "runtime/derived_topics.h"
#include "runtime/handling_gate.h"
#include "runtime/intake.h"
#include "runtime/lane.h"
#include "runtime/ledger.h"
#include "runtime/ledger_watch.h"
#include "runtime/local_suspects.h"
#include "runtime/observer.h"
#include "runtime/outbox_relay.h"
#include "runtime/pipeline.h"
#include "runtime/progress.h"
#include "runtime/publisher.h"
#include "runtime/source.h"
#include "runtime/suspects.h"

namespace hostler::runtime {

struct HandlerParts {
  const core::HostConfig& host;
  const core::HandlerConfig& config;
  // Called on the lane's own thread, one at a time; the lane is destroyed on that thread, and notes in `progress` where it is while it executes.
  std::function<core::Result<std::unique_ptr<Lane>>(std::uint32_t index, LaneProgress& progress)> make_lane;
  std::function<std::unique_ptr<Consumer>(Assignments&)> make_source;  // config.lanes sources
  std::function<std::unique_ptr<Consumer>(Assignments&)> make_retry;   // one source
  Publisher& publisher;
  Admin& admin;
  Ledger* ledger;          // null: idempotency = "off"
  Observer& observer;
  Clock& clock;
  std::vector<std::string> event_types;  // what the handler takes; empty: all
  bool single_lane;        // the handler asks for one lane: source and retry records share it on one thread
  CrashJournal* journal = nullptr;   // of the host; null: what is in hand when it dies stays unknown
  HandlingGate* gate = nullptr;      // of the host; comes with the journal
  LocalSuspects* local = nullptr;    // likewise; asked where there is no ledger
};

class HandlerRuntime final {
 public:
  explicit HandlerRuntime(HandlerParts parts);
  ~HandlerRuntime();
  HandlerRuntime(const HandlerRuntime&) = delete;
  HandlerRuntime& operator=(const HandlerRuntime&) = delete;

  // Creates lanes and subscribes. An error is for good (a lane could not be created).
  [[nodiscard]] core::Status<> start();
  // First part of stopping: no new batches. Second part: waits for the lanes, commits, leaves the groups.
  void drain();
  void close();
  [[nodiscard]] ConsumerState source_state() const;
  [[nodiscard]] ConsumerState retry_state() const;
  // Lanes, groups and partitions as they are now; name, group and timeout as configured. Quick. Any thread, after start().
  [[nodiscard]] core::HandlerHealth health() const;

 private:
  class SourceAssignments;
  class RetryAssignments;
  class Marks;
  using Standing = std::map<core::TopicPartition, std::pair<core::Offset, core::SteadyTime>>;  // since when each partition stands where

  void run_lane(std::uint32_t index, std::vector<Source*> sources, std::function<void(core::Status<>)> created);
  void start_retry();
  [[nodiscard]] core::Status<> open_journal();

  [[nodiscard]] core::GroupHealth health_of(const Consumer& consumer, const std::string& group, Standing& seen) const;

  HandlerParts parts_;
  DerivedTopics topics_;
  std::unique_ptr<OutboxRelay> relay_;     // null: publish = "direct"
  std::unique_ptr<Marks> marks_;
  std::unique_ptr<LedgerWatch> watch_;     // null without a ledger, as marks_
  std::unique_ptr<RateLimit> rate_limit_;  // null: none
  Intake intake_;
  Suspects suspects_;
  std::unique_ptr<Assignments> source_assignments_, retry_assignments_;
  std::unique_ptr<Consumer> source_, retry_;  // retry_ is null where nothing is ever retried
  std::vector<std::thread> lanes_;
  std::deque<LaneProgress> progress_;  // one per lane; filled before the first lane runs
  std::vector<std::unique_ptr<JournalLane>> journal_;  // likewise; empty without a journal
  mutable std::mutex seen_mutex_;
  mutable Standing source_seen_, retry_seen_;  // guarded by seen_mutex_
  std::mutex creating_;  // lanes are created one at a time
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;    // guarded by mutex_
  std::thread retry_starter_;
};

}  // namespace hostler::runtime
