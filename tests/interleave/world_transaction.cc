#include "interleave/world_transaction.h"

#include <utility>

namespace hostler::testing {

using runtime::CommitOutcome;
using runtime::PublishFailure;

WorldTransaction::Beginning WorldTransaction::begin(const core::Batch& batch, core::Offset next) {
  world_.point("begins a transaction of " + batch.where.topic + " up to " + std::to_string(next.value));
  if (!source_.owns(batch)) return {Beginning::Kind::failed, {}, "the assignment has ended"};
  if (world_.trouble(world_.troubles.outage))
    return {Beginning::Kind::failed, {}, "injected: no broker answers"};
  where_ = batch.where;
  next_ = next;
  open_ = {};
  auto& p = producers_[where_];
  if (p.assignment != batch.assignment) p = {batch.assignment, source_.started_at(batch), false, 0};
  if (!p.usable) {
    const core::Offset before = p.committed;
    take_over(p);
    if (p.committed == next) return {Beginning::Kind::settled, next, ""};
    if (p.committed != before) return {Beginning::Kind::moved, p.committed, ""};
  }
  return {Beginning::Kind::begun, p.committed, ""};
}

// In this order: once the id is taken over nobody else can move the offset but this lane.
void WorldTransaction::take_over(Producer& p) {
  world_.point("takes the transactional id over");
  auto& id = world_.broker.transactional[what()];
  p.epoch = ++id.epoch;
  if (const auto doubt =
          std::exchange(id.doubt, std::nullopt)) { // what was begun to be committed is waited for
    const bool happens = world_.chance.in(50);
    world_.tell(happens ? "… the commit in doubt took effect" : "… the commit in doubt is aborted");
    if (happens) take_effect(*doubt);
  }
  world_.point("asks for the group's offset");
  p.committed = world_.broker.committed[what()];
  if (p.committed.value < 0) p.committed = {0};
  p.usable = true;
}

bool WorldTransaction::fenced() {
  if (world_.broker.transactional[what()].epoch == producer().epoch) return false;
  producer().usable = false;
  return true;
}

std::vector<PublishFailure> WorldTransaction::publish(std::span<const runtime::OutRecord> records) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    world_.point("sends to " + records[i].topic);
    if (fenced()) return {{i, PublishFailure::Kind::refused, "fenced"}};
    if (world_.trouble(world_.troubles.publish_fails))
      return {{i, PublishFailure::Kind::unavailable, "injected"}};
    open_.records.push_back({{records[i].topic, records[i].partition.value_or(core::Partition{0})},
                             kept(records[i], world_.now())});
  }
  return {};
}

core::Status<> WorldTransaction::send_offset() {
  world_.point("sends the offset " + std::to_string(next_.value) + " of " + where_.topic);
  if (fenced()) return core::Error{"fenced"};
  if (source_.generation(where_) != producer().assignment) return core::Error{"refused: another generation"};
  open_.next = next_;
  return core::Status<>::success();
}

CommitOutcome WorldTransaction::commit(std::string* why) {
  world_.point("commits the transaction");
  *why = "injected: no answer";
  auto& p = producer();
  if (fenced()) return CommitOutcome::unknown;
  const bool lost = world_.trouble(world_.troubles.lost_reply);
  const auto what_happens = lost ? world_.chance.below(3) : 0;
  world_.tell(!lost               ? "… COMMITTED"
              : what_happens == 0 ? "… LOST, took effect"
              : what_happens == 1 ? "… LOST, without effect"
                                  : "… LOST, decided later");
  if (what_happens == 0) take_effect(open_);
  if (what_happens == 2) world_.broker.transactional[what()].doubt = open_;
  if (lost)
    p.usable = false;
  else
    p.committed = next_;
  world_.point(lost ? "knows nothing of its commit" : "knows that it has committed");
  return lost ? CommitOutcome::unknown : CommitOutcome::committed;
}

void WorldTransaction::abort() {
  world_.point("aborts the transaction");
  open_ = {};
}

void WorldTransaction::take_effect(const Broker::Transacted& transacted) {
  for (const auto& [where, record] : transacted.records) world_.broker.logs[where].push_back(record);
  if (transacted.next) world_.broker.committed[what()] = *transacted.next;
}

} // namespace hostler::testing
