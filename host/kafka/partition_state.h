// One partition during one assignment: its private queue, what was read ahead, what is settled. Made by the control thread,
// read by one lane, kept alive by the batches that came from it. Private to kafka/.
// Thread-safety: as noted at each group of members.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "core/record.h"
#include "core/types.h"
#include "kafka/client.h"
#include "kafka/transactional_producer.h"
#include "kafka/wakeup.h"

namespace hostler::kafka {

class LaneSource;

// A message read ahead of its delivery: not due yet, waiting for company, or given back.
struct HeldMessage {
  MessageHandle message;
  core::SteadyTime fetched{};  // when it was taken from the queue
  bool given_back = false;     // was deliverable before, so it is again
};

struct PartitionState {
  PartitionState() = default;
  PartitionState(const PartitionState&) = delete;
  PartitionState& operator=(const PartitionState&) = delete;
  ~PartitionState() { close_queue(); }

  // -- constant after construction --
  core::TopicPartition where;
  std::uint64_t assignment = 0;              // unique in this process
  std::optional<std::uint32_t> tier;         // retry topics only
  core::Millis delay{0};                     // retry topics only
  std::shared_ptr<Client> client;            // the messages' instance
  LaneSource* lane = nullptr;                // who reads it; the control thread may use it
  std::shared_ptr<Wakeup> lane_wakeup;       // the lane's
  std::shared_ptr<Wakeup> let_go;            // notified when the last batch in hand was let go during a revocation

  // -- any thread --
  std::atomic<bool> owned{true};             // false from the beginning of its revocation
  std::atomic<bool> ended{false};            // the group may give it to another member: no lane is waited for any more
  std::atomic<bool> ready{true};             // the queue may hold something; set by the queue's event
  std::atomic<std::uint32_t> in_hand{0};     // batches that were neither settled nor given back
  std::atomic<std::int64_t> settled{-1};     // next offset to commit; written by the lane, only grows but for a rewind
  std::atomic<std::int64_t> confirmed{-1};   // Kafka has committed at least this, and no commit under way or to come is below it

  // -- the lane's thread --
  std::optional<core::Mark> mark;
  // With transactions only: null until something is to be settled, and after doubts; whose turn it is; what the group has committed, as far
  // as this lane knows.
  static constexpr std::size_t producer_count = 2;
  std::array<std::unique_ptr<TransactionalProducer>, producer_count> producers;
  std::size_t turn = 0;
  core::Offset committed;

  // -- the control thread --
  std::int64_t acked = -1;                   // what Kafka acknowledged last, or had when the assignment began
  std::int64_t refused = -1;                 // a commit that was refused for good; not sent again

  // -- guarded by the lane's mutex --
  QueueHandle queue;                         // null once released
  std::deque<HeldMessage> ahead;             // in offset order, all before what the queue holds
  core::Offset floor{0};                     // nothing below is taken from the queue
  core::Offset delivered{0};                 // next offset after the last record that went into a batch
  core::SteadyTime held_until{};             // given back: not read before
  std::optional<core::Offset> seek_to;       // the control thread is to seek; not read meanwhile
  std::string halted;                        // why it is not read until somebody decides; empty: it is read
  bool stopped_by_client = false;            // it fetches nothing more, not even after a seek

  // No event of the queue comes any more, and nothing is read from it.
  void close_queue() {
    if (queue) rd_kafka_queue_cb_event_enable(queue.get(), nullptr, nullptr);
    queue.reset();
  }
  // Lets one batch go; wakes a revocation that waits for the last.
  void release_batch() {
    if (in_hand.fetch_sub(1) == 1 && !owned.load()) let_go->notify();
  }
};

}  // namespace hostler::kafka
