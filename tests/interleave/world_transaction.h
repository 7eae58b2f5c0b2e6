// Transactions of the world's brokers: a transactional id for each partition and group, whose holder fences the one before. What is committed
// comes true at once; a commit whose reply is lost has happened, or not, or is decided when somebody asks.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "interleave/member_source.h"
#include "interleave/world.h"
#include "runtime/transaction.h"

namespace hostler::testing {

// The transactions of one member's lane, as kafka/lane_transaction.h makes them.
class WorldTransaction final : public runtime::Transaction {
 public:
  WorldTransaction(World& world, std::string group, const MemberSource& source)
      : world_(world), group_(std::move(group)), source_(source) {}

  Beginning begin(const core::Batch& batch, core::Offset next) override;
  [[nodiscard]] std::vector<runtime::PublishFailure> publish(
      std::span<const runtime::OutRecord> records) override;
  core::Status<> send_offset() override;
  runtime::CommitOutcome commit(std::string* why) override;
  void abort() override;

 private:
  // A partition's producer in one assignment, and where the group's offset is as far as it knows.
  struct Producer {
    std::uint64_t assignment = 0;
    core::Offset committed;
    bool usable = false; // else it takes its id over, and looks, before the next transaction
    std::uint64_t epoch = 0;
  };
  [[nodiscard]] Broker::Assigned what() const { return {group_, where_}; }
  [[nodiscard]] Producer& producer() { return producers_.at(where_); }
  [[nodiscard]] bool fenced();
  void take_over(Producer& producer);
  void take_effect(const Broker::Transacted& transacted);

  World& world_;
  const std::string group_;
  const MemberSource& source_;
  std::map<core::TopicPartition, Producer> producers_;
  // of the open transaction
  core::TopicPartition where_;
  core::Offset next_;
  Broker::Transacted open_;
};

} // namespace hostler::testing
