// The bytes of one batch: librdkafka's messages, read without a copy, and their headers on demand. Private to kafka/.
// Thread-safety: the lane's thread; destruction anywhere.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/record.h"
#include "kafka/handles.h"
#include "kafka/partition_state.h"

namespace hostler::kafka {

class MessageStorage final : public core::BatchStorage {
 public:
  ~MessageStorage() override { reset(); }

  std::vector<core::HeaderView> headers(std::size_t index) override;

  // Fills `batch` from the messages, of which there is one at least; the batch is in hand from now on.
  // The lane's mutex is held.
  void describe(core::Batch& batch, const std::shared_ptr<PartitionState>& partition);

  // The batch is no longer in hand. The messages stay readable.
  void let_go() {
    if (in_hand_) partition_->release_batch();
    in_hand_ = false;
  }
  [[nodiscard]] bool in_hand() const { return in_hand_; }
  [[nodiscard]] PartitionState& partition() { return *partition_; }
  [[nodiscard]] const std::shared_ptr<PartitionState>& shared_partition() const { return partition_; }
  // Next offset after the record that was delivered before this batch. Between it and the first record there is nothing.
  [[nodiscard]] core::Offset from() const { return from_; }

  // Lets the messages go, keeping the room for the next ones.
  void reset();

  std::vector<rd_kafka_message_t*> messages;  // owned, in offset order; null where one was taken back

 private:
  std::shared_ptr<PartitionState> partition_;
  core::Offset from_;
  bool in_hand_ = false;
};

}  // namespace hostler::kafka
