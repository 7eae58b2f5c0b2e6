// The Source of one lane: takes turns over the private queues of its partitions. Private to kafka/.
// Thread-safety: the Source interface belongs to the lane's thread; add, remove, the collecting calls and lock() to the control
// thread. Everything of a partition that both touch is guarded by the lane's mutex, which the lane also holds while it
// reads a queue: whoever holds the mutices of all lanes may rebalance or seek.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "kafka/message_storage.h"
#include "kafka/partition_state.h"
#include "kafka/wakeup.h"
#include "runtime/source.h"
#include "runtime/transaction.h"

namespace hostler::kafka {

// How lanes call the control thread. Any thread.
struct ControlCalls {
  std::function<void()> commit;  // something was settled
  std::function<void()> seek;    // a partition wants a seek
};

class LaneSource final : public runtime::Source {
 public:
  // `transaction` may be null.
  explicit LaneSource(ControlCalls control, std::unique_ptr<runtime::Transaction> transaction = nullptr)
      : control_(std::move(control)), transaction_(std::move(transaction)) {}

  // -- the lane's thread --
  bool poll(core::Batch& out, std::size_t max_records, core::Millis max_wait, core::Millis wait) override;
  void settled(const core::Batch& batch, core::Offset next) override;
  void give_back(const core::Batch& batch, core::Offset resume_at, core::SteadyTime not_before) override;
  [[nodiscard]] bool owns(const core::Batch& batch) const override;
  [[nodiscard]] bool draining() const override { return draining_.load(); }
  [[nodiscard]] runtime::Transaction* transaction() override { return transaction_.get(); }

  // -- the control thread --
  void add(std::shared_ptr<PartitionState> partition);
  void remove(const PartitionState& partition);
  void drain();
  [[nodiscard]] std::unique_lock<std::mutex> lock() { return std::unique_lock(mutex_); }
  [[nodiscard]] const std::shared_ptr<Wakeup>& wakeup() const { return wakeup_; }
  [[nodiscard]] std::size_t size() const { return partitions_.size(); }
  // Why partitions of this lane are halted, a text each. Any thread.
  [[nodiscard]] std::vector<std::string> halted();
  // Adds how far each partition of this lane is. Any thread.
  void progress(std::vector<runtime::PartitionProgress>& out) const;

 private:
  struct Wish {  // what poll was called with
    std::size_t max_records;
    core::Millis max_wait;
  };
  // The following hold mutex_.
  bool take_turn(core::Batch& out, const Wish& wish, core::SteadyTime now, core::SteadyTime& look_again);
  void gather(PartitionState& p, const Wish& wish, core::SteadyTime now, core::SteadyTime& look_again);
  [[nodiscard]] std::size_t deliverable(const PartitionState& p, const Wish& wish, core::SteadyTime now,
                                        core::SteadyTime& look_again) const;
  void read_queue(PartitionState& p, std::size_t at_most);
  void drop_unusable(PartitionState& p);
  void put_back(PartitionState& p, MessageStorage& storage, core::Offset resume_at);

  void recycle(core::Batch& out);
  static MessageStorage* storage_of(const core::Batch& batch) { return dynamic_cast<MessageStorage*>(batch.storage.get()); }

  const ControlCalls control_;
  const std::shared_ptr<Wakeup> wakeup_ = std::make_shared<Wakeup>();
  std::atomic<bool> draining_{false};

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<PartitionState>> partitions_;  // written by the control thread under mutex_
  std::size_t turn_ = 0;                                     // guarded by mutex_: who is asked first
  core::SteadyTime looked_everywhere_{};                     // guarded by mutex_

  // -- the lane's thread --
  const std::unique_ptr<runtime::Transaction> transaction_;
  std::unique_ptr<MessageStorage> spare_;  // the storage that the next batch gets
};

}  // namespace hostler::kafka
