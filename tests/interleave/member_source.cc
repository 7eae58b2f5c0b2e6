#include "interleave/member_source.h"

#include "core/due.h"

namespace hostler::testing {

// Copies, so that a growing log moves nothing under a batch.
struct MemberSource::Storage final : core::BatchStorage {
  std::vector<std::unique_ptr<LogRecord>> records;
  std::vector<core::HeaderView> headers(std::size_t index) override {
    std::vector<core::HeaderView> out;
    for (const auto& h : records[index]->headers) out.push_back({h.name, h.value ? core::Bytes(*h.value) : core::Bytes()});
    return out;
  }
};

std::uint64_t MemberSource::generation(const core::TopicPartition& where) const {
  const auto it = world_.broker.owners.find({group_, where});
  return it != world_.broker.owners.end() && it->second.first == member_ ? it->second.second : 0;
}

void MemberSource::listen() {
  for (auto& [where, held] : held_) {
    const auto now = generation(where);
    if (now == held.generation || (!world_.calm && world_.chance.in(60))) continue;
    held.generation = 0;
    if (now != 0 && start(where, held)) held.generation = now;
  }
}

bool MemberSource::start(const core::TopicPartition& where, Held& held) {
  held.position = world_.broker.committed[{group_, where}];
  if (held.position.value < 0) held.position = {0};
  held.started = held.position;
  if (marks_ == nullptr) return true;
  auto mark = marks_->take_over(where, held.position);
  if (!mark) return false;  // asked again later
  held.mark = mark.value();
  held.position = held.mark.next;
  world_.tell("starts " + where.topic + "/" + std::to_string(where.partition.value) + " at " + std::to_string(held.position.value));
  return true;
}

// There is a record at the position, and it is due.
bool MemberSource::may_read(const core::TopicPartition& where, const Held& held) const {
  const auto& log = world_.broker.logs[where];
  if (held.position.value >= static_cast<std::int64_t>(log.size())) return false;
  const core::Now now{clock_.now(), clock_.steady()};
  return !held.tier || core::until_due(log[static_cast<std::size_t>(held.position.value)].stamp, held.delay, now.steady, now) <= core::Millis(0);
}

bool MemberSource::poll(core::Batch& out, std::size_t max_records, core::Millis, core::Millis) {
  out.clear();
  world_.point("");
  listen();
  std::vector<std::pair<const core::TopicPartition, Held>*> ready;
  for (auto& entry : held_) {
    if (entry.second.generation != 0 && may_read(entry.first, entry.second)) ready.push_back(&entry);
  }
  if (ready.empty()) return false;
  auto& [where, held] = *ready[world_.chance.below(ready.size())];
  const auto& log = world_.broker.logs[where];
  const std::size_t most = 1 + world_.chance.below(max_records);

  out.where = where;
  out.assignment = held.generation;
  out.tier = held.tier;
  out.mark = marks_ == nullptr ? nullptr : &held.mark;
  auto storage = std::make_unique<Storage>();
  for (; out.records.size() < most && may_read(where, held); held.position = held.position.next()) {
    const auto& from = *storage->records.emplace_back(std::make_unique<LogRecord>(log[static_cast<std::size_t>(held.position.value)]));
    core::Record r;
    r.key = from.key ? core::Bytes(*from.key) : core::Bytes();
    r.value = from.value ? core::Bytes(*from.value) : core::Bytes();
    r.topic = out.where.topic;
    r.partition = where.partition;
    r.offset = r.delivered_offset = held.position;
    r.timestamp = r.delivered_timestamp = core::from_epoch_ms(1'700'000'000'000 + held.position.value);
    out.records.push_back(r);
  }
  out.storage = std::move(storage);
  world_.tell("polls " + where.topic + "/" + std::to_string(where.partition.value) + " from " + std::to_string(out.records.front().offset.value) + ", " +
              std::to_string(out.records.size()) + " records");
  return true;
}

// Refused from a member of an old generation.
void MemberSource::commit(const core::Batch& batch, core::Offset next) {
  if (settles_by_ == nullptr && batch.assignment == generation(batch.where)) world_.broker.committed[{group_, batch.where}] = next;
}

void MemberSource::settled(const core::Batch& batch, core::Offset next) {
  world_.point("commits the offset " + std::to_string(next.value) + " of " + batch.where.topic);
  commit(batch, next);
}

void MemberSource::give_back(const core::Batch& batch, core::Offset resume_at, core::SteadyTime) {
  world_.tell("gives " + batch.where.topic + " back at " + std::to_string(resume_at.value));
  auto& held = held_.at(batch.where);
  if (held.generation != batch.assignment) return;
  held.position = resume_at;
  commit(batch, resume_at);
}

bool MemberSource::owns(const core::Batch& batch) const {
  auto& held = held_.at(batch.where);
  if (held.generation == batch.assignment && generation(batch.where) != batch.assignment && (world_.calm || world_.chance.in(10))) held.generation = 0;
  return held.generation == batch.assignment;
}

}  // namespace hostler::testing
