// A ledger in memory that locks like PostgreSQL: many transactions at a time, READ COMMITTED, rows locked until the end, deadlocks found. For
// tests about what sessions do to each other; memory_ledger.h is the simpler one, with one writer and injected faults.
// Effects are the statements themselves. Thread-safety: any thread; a session by one thread at a time.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/ledger.h"

namespace hostler::testing {

class RowLedger final : public runtime::Ledger {
 public:
  struct MarkRow {
    core::Mark mark;
    core::Offset acked;
  };
  struct DelegatedRow {
    runtime::Delegated row;
    std::optional<std::string> stored_record;
  };
  struct IdRow {
    runtime::RowState state = runtime::RowState::done;
    std::string event_type;
  };
  using MarkId = std::tuple<std::string, std::string, std::int32_t, std::int32_t>;                  // service, topic, topic_id, partition
  using OriginId = std::tuple<std::string, std::string, std::int32_t, std::int32_t, std::int64_t>;  // … offset
  using EventId = std::pair<std::string, std::string>;                                              // service, event id

  // Waits until `ready` answers true; called without the ledger's mutex, which `ready` takes. By default sessions wait for each other as
  // threads; a scheduler that runs one thread at a time puts itself here.
  using Wait = std::function<void(const std::function<bool()>& ready)>;
  explicit RowLedger(Wait wait = nullptr) : wait_(std::move(wait)) {}

  // -- what is committed --
  [[nodiscard]] std::vector<std::string> effects() const;
  [[nodiscard]] std::map<OriginId, DelegatedRow> delegated() const;
  [[nodiscard]] std::map<EventId, IdRow> ids() const;
  [[nodiscard]] std::optional<MarkRow> mark(const std::string& service, const std::string& topic, std::int32_t partition) const;

  // -- Ledger --
  [[nodiscard]] runtime::SqlDialect dialect() const override { return runtime::SqlDialect::postgresql; }
  std::unique_ptr<runtime::LedgerSession> lease() override;
  runtime::LedgerResult<std::vector<core::Mark>> take_over(std::string_view service, std::string_view cluster_id,
                                                           std::span<const runtime::TakeOver> partitions) override;
  runtime::LedgerStatus add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) override;
  runtime::LedgerResult<std::vector<runtime::Suspect>> suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions) override;
  runtime::LedgerResult<runtime::Expired> expire(std::span<const runtime::ExpiryRule>, runtime::ExpiryPlace, std::uint32_t) override { return runtime::Expired{}; }  // nothing is old here
  runtime::LedgerOperations& operations() override { throw std::logic_error("operators are not played on this ledger"); }
  runtime::LedgerStatus probe() override { return runtime::LedgerStatus::success(); }

 private:
  class Session;
  using LockKey = std::tuple<char, std::string>;  // table and key, in the order they are locked in

  // With mutex_ held. False: waiting would be a deadlock.
  bool lock_row(std::unique_lock<std::mutex>& guard, const Session* who, const LockKey& key);
  void unlock(const LockKey& key);
  void unlock_all(const Session* who);
  [[nodiscard]] bool would_deadlock(const Session* who, const LockKey& key) const;

  const Wait wait_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // guarded by mutex_
  std::map<MarkId, MarkRow> marks_;
  std::map<EventId, IdRow> ids_;
  std::map<OriginId, DelegatedRow> delegated_;
  std::map<OriginId, runtime::Suspect> suspects_;
  std::set<std::string> told_;  // runs
  std::vector<std::string> effects_;
  std::map<LockKey, const Session*> locks_;
  std::map<const Session*, LockKey> waiting_;
};

}  // namespace hostler::testing
