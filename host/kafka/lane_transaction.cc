#include "kafka/lane_transaction.h"

#include <algorithm>
#include <utility>

#include "kafka/group_membership.h"
#include "kafka/group_offsets.h"
#include "runtime/failpoint.h"

namespace hostler::kafka {

using runtime::CommitOutcome;
using runtime::PublishFailure;

LaneTransaction::Beginning LaneTransaction::begin(const core::Batch& batch, core::Offset next) {
  auto* storage = dynamic_cast<MessageStorage*>(batch.storage.get());
  PartitionState& p = storage->partition();
  partition_.reset();
  if (p.ended.load()) return {Beginning::Kind::failed, {}, "the assignment has ended"};
  if (p.producer != nullptr && !p.producer->usable()) p.producer.reset();
  if (p.producer == nullptr) {
    auto committed = open(p);
    if (!committed) return {Beginning::Kind::failed, {}, committed.error().message};
    const core::Offset before = std::exchange(p.committed, *committed);
    if (p.committed == next) return {Beginning::Kind::settled, next, ""};
    if (p.committed != before) return {Beginning::Kind::moved, p.committed, ""};
  }
  if (auto begun = p.producer->begin(); !begun) return {Beginning::Kind::failed, {}, begun.error().message};
  partition_ = storage->shared_partition();
  next_ = next;
  return {Beginning::Kind::begun, p.committed, ""};
}

// In this order: after the take-over nobody else can move the offset but this lane.
core::Result<core::Offset> LaneTransaction::open(PartitionState& p) const {
  auto producer = TransactionalProducer::open(options_, p.where);
  if (!producer) return producer.error();
  auto committed = GroupOffsets(*p.client, options_.request_timeout).committed(std::span(&p.where, 1));
  if (!committed) return committed.error();
  p.producer = std::move(*producer);
  const auto found = committed->find(p.where);
  return found == committed->end() ? p.committed : found->second;  // nobody ever committed, or the group's offsets were deleted
}

std::vector<PublishFailure> LaneTransaction::publish(std::span<const runtime::OutRecord> records) {
  auto failures = partition_->producer->publish(records);
  const auto too_large = [](const PublishFailure& f) { return f.kind == PublishFailure::Kind::too_large; };
  // The client sends up to 1 MB at once and the broker refuses the whole of it: only a record sent alone is known to be too large.
  if (records.size() < 2 || std::none_of(failures.begin(), failures.end(), too_large)) return failures;
  PartitionState& p = *partition_;
  const auto lost = [&](std::string why) {
    p.producer.reset();  // begin() looks again
    return std::vector<PublishFailure>{{0, PublishFailure::Kind::unavailable, std::move(why)}};
  };
  p.producer->abort();
  p.producer.reset();
  auto committed = open(p);
  if (!committed) return lost(std::move(committed.error().message));
  if (*committed != p.committed) return lost("the group's offset was moved meanwhile");
  if (auto begun = p.producer->begin(); !begun) return lost(std::move(begun.error().message));
  return p.producer->publish(records, TransactionalProducer::Manner::one_by_one);
}

core::Status<> LaneTransaction::send_offset() {
  if (runtime::failpoint("offsets")) return core::Error{"failed on purpose"};
  auto member = group_membership(partition_->client->get());
  if (!member) return member.error();
  // After asking: while the assignment lasts, the generation that was found is one in which the partition is this member's.
  if (partition_->ended.load()) return core::Error{"the assignment has ended"};
  return partition_->producer->send_offset(next_, std::move(*member));
}

CommitOutcome LaneTransaction::commit(std::string* why) {
  if (runtime::failpoint("commit")) {
    *why = "failed on purpose";
    return CommitOutcome::failed;
  }
  const std::shared_ptr<PartitionState> p = std::exchange(partition_, nullptr);
  auto committed = p->producer->commit();
  if (committed && runtime::failpoint("committed")) committed = core::Error{"the answer was lost on purpose"};
  if (!committed) {
    *why = committed.error().message;
    p->producer.reset();
    return CommitOutcome::unknown;
  }
  p->committed = next_;
  return CommitOutcome::committed;
}

void LaneTransaction::abort() {
  const std::shared_ptr<PartitionState> p = std::exchange(partition_, nullptr);
  if (p != nullptr && p->producer != nullptr) p->producer->abort();
}

}  // namespace hostler::kafka
