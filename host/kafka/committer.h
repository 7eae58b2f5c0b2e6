// Commits settled offsets, unless transactions do: coalesced over an interval, one request in flight, every partition's answer looked at.
// Private to kafka/. Thread-safety: noted() from any thread, the rest from the control thread.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "core/types.h"
#include "kafka/client.h"
#include "kafka/consumer.h"
#include "kafka/group_offsets.h"
#include "kafka/partition_state.h"

namespace hostler::kafka {

using PartitionStates = std::map<core::TopicPartition, std::shared_ptr<PartitionState>>;

class Committer {
 public:
  // `wake` wakes the control thread; it is called once per interval at most.
  Committer(Client& client, const ConsumerOptions& options, std::function<void()> wake);
  ~Committer();

  // Something was settled.
  void noted() {
    if (!idle_ && !wanted_.load(std::memory_order_relaxed) && !wanted_.exchange(true)) wake_();
  }
  // Looks at answers and sends what is due. Returns when it wants to be called again.
  core::SteadyTime tick(const PartitionStates& partitions, core::SteadyTime now);
  // Commits what these have settled, and waits for the answer.
  void flush(std::span<const std::shared_ptr<PartitionState>> partitions);

 private:
  struct InFlight {
    std::shared_ptr<PartitionState> partition;
    std::int64_t offset;
  };
  [[nodiscard]] bool has_news(const PartitionState& p) const;
  void send(const PartitionStates& partitions);
  void take_answer(rd_kafka_event_t* answer);
  void judge(PartitionState& p, std::int64_t offset, rd_kafka_resp_err_t err);
  static void acknowledge(PartitionState& p, std::int64_t offset);

  Client& client_;
  const core::Millis interval_;
  const core::Millis timeout_;
  const bool idle_;  // transactions commit the offsets
  const std::function<void()> wake_;
  const QueueHandle answers_;
  std::atomic<bool> wanted_{false};
  std::optional<core::SteadyTime> due_;                    // when to send; empty: nothing wanted
  std::map<core::TopicPartition, InFlight> in_flight_;     // empty: no request is
};

}  // namespace hostler::kafka
