// Partitions that are assigned and must be started again: those that were refused, until they are not, and those whose mark somebody else
// has moved while nobody handled records of them.
#include <algorithm>
#include <chrono>
#include <set>

#include "kafka/membership.h"

namespace hostler::kafka {
namespace {

constexpr core::Millis longest_pause{5'000};
constexpr core::Millis idle_look_every{1'000};

std::string kind_of(const core::TopicPartition& where, const core::Refusal& refusal) { return where.topic + " " + std::string(core::to_text(refusal.kind)); }

}  // namespace

// One line for all partitions of a topic that are refused for the same reason, and again only after a minute.
void Membership::note_refusals(std::span<const Start> starts) {
  std::map<std::string, std::pair<const Start*, std::size_t>> kinds;  // the first of them, how many
  const auto now = std::chrono::steady_clock::now();
  for (const Start& start : starts) {
    const auto& where = start.assigned.where;
    if (!start.position.refused) {
      looks_.erase(where);
      continue;
    }
    Look& look = looks_[where];
    look.refused = kind_of(where, *start.position.refused);
    look.next_try = now + look.pause;
    look.pause = std::min(look.pause * 2, longest_pause);
    ++kinds.try_emplace(look.refused, &start, std::size_t{0}).first->second.second;
  }
  for (const auto& [kind, found] : kinds) {
    const auto& [first, count] = found;
    std::string text = core::text_of(first->assigned.where, *first->position.refused);
    if (count > 1) text += " (and " + std::to_string(count - 1) + (count == 2 ? " more partition" : " more partitions") + " of it)";
    client_->reporter().trouble(LogLevel::error, "start of " + kind, kind, text);
  }
}

// A partition with records on their way shows by its fence that the mark was moved; an idle one is looked at. A mark may be read here while
// no lane has a batch of it in hand, and none can take one.
void Membership::look_at_idle(core::SteadyTime now) {
  if (options_.role != ConsumerOptions::Role::main || now < next_idle_look_) return;
  next_idle_look_ = now + idle_look_every;
  for (const auto& [where, p] : assigned_) {
    if (looks_.contains(where)) continue;
    const auto lock = p->lane->lock();
    if (p->in_hand.load() != 0 || !p->mark || p->seek_to) continue;
    say_acknowledged(*p);
    if (!options_.assignments->moved(where, *p->mark)) continue;
    if (p->stopped_by_client) rejoin_ = true;
    else looks_[where] = {};
  }
}

void Membership::say_acknowledged(const PartitionState& p) {
  if (p.mark && p.in_hand.load() == 0 && p.confirmed.load() >= 0) options_.assignments->acknowledged(p.where, *p.mark, {p.confirmed.load()});
}

core::SteadyTime Membership::look_again(core::SteadyTime now) {
  core::SteadyTime again = core::SteadyTime::max();
  if (options_.role == ConsumerOptions::Role::main && !assigned_.empty()) again = next_idle_look_;
  std::vector<core::TopicPartition> due;
  for (const auto& [where, look] : looks_) {
    if (now >= look.next_try) due.push_back(where);
    else again = std::min(again, look.next_try);
  }
  if (due.empty()) return again;
  const auto before = looks_;
  const auto starts = find_starts(due);
  if (!starts) {
    client_->reporter().trouble(LogLevel::warning, "second look", starts.error().why, "partitions are held, and cannot be looked at again yet: " + starts.error().why);
    for (const auto& where : due) {
      auto& look = looks_.at(where);
      look.next_try = std::chrono::steady_clock::now() + look.pause;
      look.pause = std::min(look.pause * 2, longest_pause);
      again = std::min(again, look.next_try);
    }
    return again;
  }
  client_->reporter().forget("second look");
  for (const Start& start : *starts) restart(*assigned_.at(start.assigned.where), start);
  note_refusals(*starts);
  for (const auto& [where, look] : before) {  // a topic and kind of refusal that is over
    const auto same = [&](const auto& still) { return still.second.refused == look.refused; };
    if (!look.refused.empty() && std::none_of(looks_.begin(), looks_.end(), same)) client_->reporter().over("start of " + look.refused, where.topic + " is not refused any more");
  }
  if (!pending_) publish_state({});
  return now;
}

// Reads the partition from there on, or holds it.
void Membership::restart(PartitionState& p, const Start& start) {
  const auto lock = p.lane->lock();
  if (p.in_hand.load() != 0) return;  // a lane was quicker: its fence fails, and it takes the mark over
  p.acked = start.committed;
  if (start.position.refused) {
    p.halted = core::text_of(p.where, *start.position.refused);
    p.mark.reset();
    return;
  }
  if (p.stopped_by_client) {  // no seek helps
    rejoin_ = true;
    return;
  }
  p.halted.clear();
  p.mark = start.position.mark;
  p.settled.store(start.position.start.value);
  p.confirmed.store(std::min(start.committed, start.position.start.value));
  p.seek_to = start.position.start;
  if (start.position.start.value != start.committed) committer_.noted();
}

}  // namespace hostler::kafka
