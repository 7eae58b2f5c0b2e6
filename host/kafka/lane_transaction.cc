#include "kafka/lane_transaction.h"

#include <algorithm>
#include <utility>

#include "kafka/group_membership.h"
#include "kafka/group_offsets.h"
#include "runtime/failpoint.h"

namespace hostler::kafka {

using runtime::CommitOutcome;
using runtime::PublishFailure;

namespace {

// One in doubt is replaced together with the other: then the offset is read with nobody's transaction open.
bool ready(const PartitionState& p) {
  return std::all_of(p.producers.begin(), p.producers.end(), [](const auto& producer) { return producer != nullptr && producer->usable(); });
}
void drop(PartitionState& p) {
  for (auto& producer : p.producers) producer.reset();
}
TransactionalProducer& producer_of(PartitionState& p) { return *p.producers.at(p.turn); }

}  // namespace

LaneTransaction::Beginning LaneTransaction::begin(const core::Batch& batch, core::Offset next) {
  auto* storage = dynamic_cast<MessageStorage*>(batch.storage.get());
  PartitionState& p = storage->partition();
  partition_.reset();
  if (p.ended.load()) return {Beginning::Kind::failed, {}, "the assignment has ended"};
  if (!ready(p)) {
    auto committed = open(p);
    if (!committed) return {Beginning::Kind::failed, {}, committed.error().message};
    const core::Offset before = std::exchange(p.committed, *committed);
    if (p.committed == next) return {Beginning::Kind::settled, next, ""};
    if (p.committed != before) return {Beginning::Kind::moved, p.committed, ""};
  }
  p.turn = (p.turn + 1) % p.producers.size();
  if (auto begun = producer_of(p).begin(); !begun) return {Beginning::Kind::failed, {}, begun.error().message};
  partition_ = storage->shared_partition();
  next_ = next;
  return {Beginning::Kind::begun, p.committed, ""};
}

// In this order: what the former owner had in its transactions is decided when the offset is read.
core::Result<core::Offset> LaneTransaction::open(PartitionState& p) const {
  drop(p);
  for (std::size_t turn = 0; turn < p.producers.size(); ++turn) {
    auto producer = TransactionalProducer::open(options_, p.where, turn);
    if (!producer) return producer.error();
    p.producers.at(turn) = std::move(*producer);
  }
  auto committed = GroupOffsets(*p.client, options_.request_timeout).committed(std::span(&p.where, 1));
  if (!committed) {
    drop(p);
    return committed.error();
  }
  const auto found = committed->find(p.where);
  return found == committed->end() ? p.committed : found->second;  // nobody ever committed, or the group's offsets were deleted
}

std::vector<PublishFailure> LaneTransaction::publish(std::span<const runtime::OutRecord> records) {
  PartitionState& p = *partition_;
  auto failures = producer_of(p).publish(records);
  const auto too_large = [](const PublishFailure& f) { return f.kind == PublishFailure::Kind::too_large; };
  // The client sends up to 1 MB at once and the broker refuses the whole of it: only a record sent alone is known to be too large.
  if (records.size() < 2 || std::none_of(failures.begin(), failures.end(), too_large)) return failures;
  const auto lost = [&](std::string why) {
    drop(p);  // begin() looks again
    return std::vector<PublishFailure>{{0, PublishFailure::Kind::unavailable, std::move(why)}};
  };
  producer_of(p).abort();
  auto committed = open(p);
  if (!committed) return lost(std::move(committed.error().message));
  if (*committed != p.committed) return lost("the group's offset was moved meanwhile");
  if (auto begun = producer_of(p).begin(); !begun) return lost(std::move(begun.error().message));
  return producer_of(p).publish(records, TransactionalProducer::Manner::one_by_one);
}

core::Status<> LaneTransaction::send_offset() {
  if (runtime::failpoint("offsets")) return core::Error{"failed on purpose"};
  auto member = group_membership(partition_->client->get());
  if (!member) return member.error();
  // After asking: while the assignment lasts, the generation that was found is one in which the partition is this member's.
  if (partition_->ended.load()) return core::Error{"the assignment has ended"};
  return producer_of(*partition_).send_offset(next_, std::move(*member));
}

CommitOutcome LaneTransaction::commit(std::string* why) {
  if (runtime::failpoint("commit")) {
    *why = "failed on purpose";
    return CommitOutcome::failed;
  }
  const std::shared_ptr<PartitionState> p = std::exchange(partition_, nullptr);
  auto committed = producer_of(*p).commit();
  if (committed && runtime::failpoint("committed")) committed = core::Error{"the answer was lost on purpose"};
  if (!committed) {
    *why = committed.error().message;
    drop(*p);
    return CommitOutcome::unknown;
  }
  p->committed = next_;
  return CommitOutcome::committed;
}

void LaneTransaction::abort() {
  const std::shared_ptr<PartitionState> p = std::exchange(partition_, nullptr);
  if (p != nullptr && p->producers.at(p->turn) != nullptr) producer_of(*p).abort();
}

}  // namespace hostler::kafka
