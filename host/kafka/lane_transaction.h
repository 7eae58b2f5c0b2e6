// The transactions of one lane: two producers for each partition that has something to settle, kept for as long as the lane has the
// partition. They take turns, one transaction after the other: a producer that began another right after its commit would be told to come
// back later. Private to kafka/. Thread-safety: the lane's thread.
#pragma once

#include "kafka/consumer.h"
#include "kafka/message_storage.h"
#include "runtime/transaction.h"

namespace hostler::kafka {

class LaneTransaction final : public runtime::Transaction {
 public:
  // `options` must outlive it, and have transactions.
  explicit LaneTransaction(const ConsumerOptions& options) : options_(options) {}

  Beginning begin(const core::Batch& batch, core::Offset next) override;
  [[nodiscard]] std::vector<runtime::PublishFailure> publish(std::span<const runtime::OutRecord> records) override;
  core::Status<> send_offset() override;
  runtime::CommitOutcome commit(std::string* why) override;
  void abort() override;

 private:
  // Makes the partition's producers, and says where the group's offset is now.
  core::Result<core::Offset> open(PartitionState& partition) const;

  const ConsumerOptions& options_;
  std::shared_ptr<PartitionState> partition_;  // of the open transaction
  core::Offset next_;
};

}  // namespace hostler::kafka
