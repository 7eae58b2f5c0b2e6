// The stream of one group member, as a consumer would feed it: what it is assigned, from where it reads, what it commits. A member hears of a
// rebalance when it next looks, which may be late: until then it is a zombie, and its commits are refused.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "interleave/world.h"
#include "runtime/pipeline.h"
#include "runtime/source.h"

namespace hostler::testing {

class MemberSource final : public runtime::Source {
 public:
  struct Partition {
    core::TopicPartition where;
    std::optional<std::uint32_t> tier{};  // set: a retry topic
    core::Millis delay{0};                // its records are due so long after they were sent
  };
  // `marks`: where a source partition starts is the ledger's to say; null for retry topics. `clock` says what is due.
  MemberSource(World& world, std::string group, std::string member, std::vector<Partition> partitions, runtime::MarkOwner* marks,
               const runtime::Clock& clock)
      : world_(world), group_(std::move(group)), member_(std::move(member)), marks_(marks), clock_(clock) {
    for (auto& p : partitions) held_.emplace(p.where, Held{p.tier, p.delay, 0, {}, {}, {}});
  }

  bool poll(core::Batch& out, std::size_t max_records, core::Millis max_wait, core::Millis wait) override;
  void settled(const core::Batch& batch, core::Offset next) override;
  void give_back(const core::Batch& batch, core::Offset resume_at, core::SteadyTime not_before) override;
  [[nodiscard]] bool owns(const core::Batch& batch) const override;
  [[nodiscard]] bool draining() const override { return false; }
  [[nodiscard]] runtime::Transaction* transaction() override { return settles_by_; }

  // From here on transactions move the offsets, and only they.
  void settle_by(runtime::Transaction& transaction) { settles_by_ = &transaction; }
  // Where reading began in the batch's assignment.
  [[nodiscard]] core::Offset started_at(const core::Batch& batch) const { return held_.at(batch.where).started; }
  // The generation under which the partition is this member's, by the brokers; 0 if it is not.
  [[nodiscard]] std::uint64_t generation(const core::TopicPartition& where) const;

 private:
  struct Held {
    std::optional<std::uint32_t> tier;
    core::Millis delay;
    std::uint64_t generation;  // 0: not assigned, as far as this member knows
    core::Offset position;
    core::Mark mark;
    core::Offset started;
  };
  struct Storage;
  void listen();
  bool start(const core::TopicPartition& where, Held& held);
  [[nodiscard]] bool may_read(const core::TopicPartition& where, const Held& held) const;
  void commit(const core::Batch& batch, core::Offset next);

  World& world_;
  const std::string group_, member_;
  runtime::MarkOwner* const marks_;
  const runtime::Clock& clock_;
  runtime::Transaction* settles_by_ = nullptr;
  mutable std::map<core::TopicPartition, Held> held_;
};

}  // namespace hostler::testing
