#include "outbox.h"

#include <algorithm>

namespace hostler::model {

using Defect = OutboxScenario::Defect;
using Phase = OutboxState::Phase;
using Message = OutboxState::Message;

namespace {
std::string relay_name(unsigned i) { return std::string("relay ") + static_cast<char>('A' + i); }
std::string message_name(Message m) { return "message " + std::to_string(m.id) + (m.round > 1 ? " (settled again)" : ""); }
}  // namespace

OutboxState OutboxModel::initial() const {
  State s;
  s.crashes = c_.crashes;
  s.lates = c_.lates;
  s.rewinds = c_.rewinds;
  return s;
}

bool OutboxModel::locked(const State& s) const {
  const bool worker_locks = !has(Defect::worker_without_lock) && !has(Defect::cursor);
  return s.lane != Phase::idle || (worker_locks && s.worker != Phase::idle);
}

void OutboxModel::steps(const State& s, Steps<State>& out) const {
  write(s, out);
  for (u8 i = 0; i < s.relays.size(); ++i) relay(s, i, out);
  if (s.has_late != 0) {
    State next = s;
    next.late = {};
    next.has_late = 0;
    land(next, s.late);
    out.add(next, [&] { return message_name(s.late) + ": the late produce arrives"; });
  }
  if (s.rewinds > 0 && !locked(s) && s.next > 0) {
    State next = s;
    --next.rewinds;
    next.next = 0;
    for (auto& r : next.relays) r.mine = 0;
    out.fault(next, [] { return std::string("an operator rewinds the partition to 0"); });
  }
}

// The lane and the retry worker: lock the mark, insert, COMMIT.
void OutboxModel::write(const State& s, Steps<State>& out) const {
  const bool lane_works = s.next < 2;
  State next = s;
  switch (s.lane) {
    case Phase::idle:
      if (!lane_works || locked(s)) break;
      next.lane = Phase::locked;
      out.add(next, [&] { return "the lane fences for record " + std::to_string(s.next); });
      break;
    case Phase::locked:
      next.lane = Phase::inserted;
      insert(next, s.next);
      out.add(next, [&] { return "the lane inserts message " + std::to_string(s.next); });
      break;
    case Phase::inserted:
      next.lane = Phase::idle;
      commit(next, s.next);
      ++next.next;
      out.add(next, [&] { return "the lane COMMITs record " + std::to_string(s.next); });
      break;
  }
  if (s.worker_done != 0) return;
  State other = s;
  switch (s.worker) {
    case Phase::idle:
      if (locked(s) && !has(Defect::worker_without_lock) && !has(Defect::cursor)) break;
      other.worker = Phase::locked;
      out.add(other, [] { return std::string("the retry worker begins with record 2"); });
      break;
    case Phase::locked:
      other.worker = Phase::inserted;
      insert(other, 2);
      out.add(other, [] { return std::string("the retry worker inserts message 2"); });
      break;
    case Phase::inserted:
      other.worker = Phase::idle;
      other.worker_done = 1;
      commit(other, 2);
      out.add(other, [] { return std::string("the retry worker COMMITs record 2"); });
      break;
  }
}

// Draws the place. A row that is not sent yet keeps its place and takes the new message.
void OutboxModel::insert(State& s, u8 id) const {
  auto& row = s.rows[id];
  if (row.there == 0 || has(Defect::new_place)) row.place = ++s.places;
}

void OutboxModel::commit(State& s, u8 id) {
  auto& row = s.rows[id];
  row.there = 1;
  row.round = ++s.rounds[id];
  if (row.round == 1) s.order[s.committed++] = static_cast<u8>(id + 1);
}

void OutboxModel::relay(const State& s, u8 me, Steps<State>& out) const {
  const auto& r = s.relays[me];
  const auto with = [&](const OutboxState::Relay& changed) {
    State next = s;
    next.relays[me] = changed;
    return next;
  };
  auto after = r;
  after.selected = after.sent = after.gone = 0;
  after.batch = {};
  if (r.selected == 0) {
    if (r.mine == 0) {  // a take-over raises the epoch; it waits for the mark
      if (locked(s)) return;
      State next = s;
      for (auto& each : next.relays) each.mine = 0;
      next.relays[me].mine = 1;
      return out.add(next, [&] { return "the owner of " + relay_name(me) + " takes the mark over"; });
    }
    const u8 from = has(Defect::cursor) ? static_cast<u8>(r.cursor + 1) : 1;
    for (u8 place = from; place <= s.places; ++place) {
      for (u8 id = 0; id < 3; ++id) {
        if (s.rows[id].there != 0 && s.rows[id].place == place) after.batch[after.selected++] = {id, s.rows[id].round};
      }
    }
    if (after.selected == 0) return;
    const auto words = [&] { return relay_name(me) + " selects " + std::to_string(after.selected) + ", first " + message_name(after.batch[0]); };
    return out.add(with(after), words);
  }
  if (s.crashes > 0) {
    auto dead = after;
    dead.mine = 0;
    dead.cursor = r.cursor;
    State next = with(dead);
    --next.crashes;
    out.fault(next, [&] { return relay_name(me) + " crashes"; });
  }
  const bool deletes_now = has(Defect::deletes_first) ? r.gone == 0 : r.sent == r.selected;
  if (deletes_now) {
    if (locked(s)) return;
    if (r.mine == 0 && has(Defect::deletes_by_id)) {
      return out.add(with(after), [&] { return relay_name(me) + " finds its epoch stale and deletes nothing"; });
    }
    auto on = has(Defect::deletes_first) ? r : after;
    on.gone = has(Defect::deletes_first) ? 1 : 0;
    State next = with(on);
    for (u8 i = 0; i < r.selected; ++i) {
      auto& row = next.rows[r.batch[i].id];
      if (row.round == r.batch[i].round || has(Defect::deletes_by_id)) row = {};
    }
    return out.add(next, [&] { return relay_name(me) + " deletes what it selected"; });
  }
  if (r.sent == r.selected) return out.add(with(after), [&] { return relay_name(me) + " is through"; });
  const Message m = r.batch[r.sent];
  auto sent = r;
  ++sent.sent;
  sent.cursor = has(Defect::cursor) ? s.rows[m.id].place : 0;
  State next = with(sent);
  land(next, m);
  out.add(next, [&] { return relay_name(me) + " sends " + message_name(m); });
  if (s.lates > 0 && s.has_late == 0) {
    State failed = with(has(Defect::does_not_wait) ? sent : after);
    --failed.lates;
    failed.late = m;
    failed.has_late = 1;
    out.fault(failed, [&] { return relay_name(me) + " hears nothing of " + message_name(m) + "; it is still under way"; });
  }
}

void OutboxModel::land(State& s, Message m) {
  const auto end = s.first_landed.begin() + s.landed;
  if (std::find(s.first_landed.begin(), end, m.id + 1) == end) s.first_landed[s.landed++] = static_cast<u8>(m.id + 1);
  s.newest_landed[m.id] = std::max(s.newest_landed[m.id], m.round);
}

// Readers see messages of a key for the first time in the order of their commits.
std::string_view OutboxModel::wrong(const State& s) const {
  u8 at = 0;
  if (has(Defect::deletes_first)) return {};  // what is lost comes in no order
  for (u8 i = 0; i < s.landed; ++i) {
    const bool other_key = has(Defect::cursor) && s.first_landed[i] == 3;
    if (other_key) continue;
    while (at < s.committed && s.order[at] != s.first_landed[i]) ++at;
    if (at == s.committed) return "messages of a key arrive in another order than they were committed";
  }
  return {};
}

bool OutboxModel::good_end(const State& s) const {
  if (s.next < 2 || s.worker_done == 0) return false;
  for (u8 id = 0; id < 3; ++id) {
    if (s.rows[id].there != 0 || s.newest_landed[id] != s.rounds[id]) return false;
  }
  return s.relays[0].selected == 0 && s.relays[1].selected == 0;
}

}  // namespace hostler::model
