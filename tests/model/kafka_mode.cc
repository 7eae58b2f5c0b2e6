#include "kafka_mode.h"

#include <stdexcept>

namespace hostler::model {

using Defect = KafkaScenario::Defect;
using Phase = KafkaState::Phase;
using Stage = KafkaState::Stage;
using Status = KafkaState::Status;
using u8 = std::uint8_t;

namespace {

std::string owner_name(unsigned i) { return std::string("owner ") + static_cast<char>('A' + i); }

void append(KafkaState::Log& log, u8 value, u8 tx) {
  if (log.length == KafkaState::room) throw std::length_error("a log of the Kafka model is full: widen room");
  log.entries[log.length++] = {value, tx, Status::pending};
}

void mark(KafkaState::Log& log, u8 tx) {
  for (auto& e : log.entries) {
    if (e.tx == tx && e.status == Status::pending) e.status = Status::committed;
  }
}

// What is aborted is as if it had never been there.
void abort(KafkaState::Log& log, u8 tx) {
  u8 kept = 0;
  for (u8 i = 0; i < log.length; ++i) {
    if (log.entries[i].tx != tx || log.entries[i].status != Status::pending) log.entries[kept++] = log.entries[i];
  }
  while (log.length > kept) log.entries[--log.length] = {};
}

// Who is still assigned builds its producers anew, whatever went wrong.
Phase starts_at(const KafkaState& s, u8 owner) { return s.member == owner + 1 ? Phase::joined : Phase::away; }

bool any_pending(const KafkaState::Log& log) {
  for (const auto& e : log.entries) {
    if (e.status == Status::pending) return true;
  }
  return false;
}

u8 committed_offset(const KafkaState::Log& log) {
  u8 next = 0;
  for (const auto& e : log.entries) {
    if (e.status == Status::committed) next = e.value;
  }
  return next;
}

}  // namespace

KafkaState KafkaModeModel::initial() const {
  State s;
  s.crashes = c_.crashes;
  s.losts = c_.losts;
  s.failures = c_.failures;
  s.rebalances = c_.rebalances;
  return s;
}

// The owner drops what it holds. Its transactions stay as they are.
KafkaState KafkaModeModel::without(const State& s, u8 me, Phase phase) const {
  State next = s;
  next.owners[me] = {};
  next.owners[me].phase = phase;
  return next;
}

void KafkaModeModel::steps(const State& s, Steps<State>& out) const {
  for (u8 i = 0; i < s.owners.size(); ++i) {
    const auto& owner = s.owners[i];
    if (owner.phase != Phase::away && s.member != i + 1) {
      out.add(without(s, i, Phase::away), [&] { return owner_name(i) + " hears that its partition is revoked"; });
    }
    if (owner.phase != Phase::running) {
      join(s, i, out);
      continue;
    }
    for (u8 slot = 0; slot < 2; ++slot) slot_steps(s, i, slot, out);
    const Phase again = starts_at(s, i);
    if (s.crashes > 0) {
      State next = without(s, i, again);
      --next.crashes;
      out.fault(next, [&] { return owner_name(i) + " crashes" + (again == Phase::joined ? " and starts again" : ""); });
    }
    if (s.failures > 0) {
      State next = without(s, i, again);
      --next.failures;
      out.fault(next, [&] { return owner_name(i) + " cannot produce, gives both transactions up and builds both producers anew"; });
    }
  }
  broker(s, out);
}

void KafkaModeModel::join(const State& s, u8 me, Steps<State>& out) const {
  const bool reads_first = has(Defect::reads_before_init);
  switch (s.owners[me].phase) {
    case Phase::away: {
      if (s.member != 0 && s.rebalances == 0) return;
      State next = without(s, me, Phase::joined);
      if (s.member != 0) --next.rebalances;
      next.member = static_cast<u8>(me + 1);
      out.add(next, [&] { return owner_name(me) + " is assigned the partition"; });
      break;
    }
    case Phase::joined:
      if (reads_first) read_offset(s, me, Phase::first_ready, out);
      else initialise(s, me, 0, Phase::first_ready, out);
      break;
    case Phase::first_ready: initialise(s, me, reads_first ? 0 : 1, Phase::ready, out); break;
    case Phase::ready:
      if (reads_first) initialise(s, me, 1, Phase::running, out);
      else read_offset(s, me, Phase::running, out);
      break;
    case Phase::running: break;
  }
}

void KafkaModeModel::initialise(const State& s, u8 me, u8 slot, Phase then, Steps<State>& out) const {
  const u8 tx = tx_of(me, slot);
  if (s.tx[tx].unmarked != 0) return;  // CONCURRENT_TRANSACTIONS: waits
  State next = s;
  abort(next.outputs, tx);
  abort(next.offsets, tx);
  next.tx[tx] = {static_cast<u8>(me + 1), 0, 0};
  next.owners[me].phase = then;
  out.add(next, [&] { return owner_name(me) + " initialises producer " + std::to_string(slot + 1); });
}

void KafkaModeModel::read_offset(const State& s, u8 me, Phase then, Steps<State>& out) const {
  const bool waits = c_.own_ids ? !has(Defect::reads_uncommitted) : false;
  if (waits && any_pending(s.offsets)) return;
  State next = s;
  next.owners[me].phase = then;
  next.owners[me].next = committed_offset(s.offsets);
  out.add(next, [&] { return owner_name(me) + " reads the committed offset " + std::to_string(committed_offset(s.offsets)); });
}

void KafkaModeModel::slot_steps(const State& s, u8 me, u8 slot, Steps<State>& out) const {
  const auto& owner = s.owners[me];
  const auto& mine = owner.slots[slot];
  const auto& other = owner.slots[1 - slot];
  const bool first = other.stage == Stage::idle || mine.record < other.record;
  const u8 tx = tx_of(me, slot);
  const bool fenced = s.tx[tx].holder != me + 1;
  const std::string who = "producer " + std::to_string(slot + 1) + " of " + owner_name(me);
  const std::string what = "record " + std::to_string(mine.record);
  State next = s;
  auto& then = next.owners[me].slots[slot];
  const auto refused = [&](const char* why) {
    out.add(without(s, me, starts_at(s, me)), [&] { return who + " is " + why + "; its owner begins anew"; });
  };
  switch (mine.stage) {
    case Stage::idle:
      if (owner.next >= c_.records || (slot == 1 && other.stage == Stage::idle)) return;
      then = {Stage::handled, owner.next};
      ++next.owners[me].next;
      return out.add(next, [&] { return owner_name(me) + " handles record " + std::to_string(owner.next); });
    case Stage::handled:
      if (!first && other.stage < Stage::delivered && !has(Defect::outputs_early)) return;
      then.stage = Stage::sending;
      return out.add(next, [&] { return who + " sends the output of " + what; });
    case Stage::sending:
      if (fenced) return refused("fenced");
      if (s.tx[tx].unmarked != 0) return;
      append(next.outputs, mine.record, tx);
      then.stage = Stage::delivered;
      return out.add(next, [&] { return "the output of " + what + " is delivered"; });
    case Stage::delivered:
      if (!first && other.stage < Stage::offset_acked && !has(Defect::offset_early)) return;
      then.stage = Stage::offset_sent;
      return out.add(next, [&] { return who + " sends the offset behind " + what; });
    case Stage::offset_sent:
      if (fenced) return refused("fenced");
      if (s.member != me + 1 && !has(Defect::no_generation)) return refused("of an old group generation");
      append(next.offsets, static_cast<u8>(mine.record + 1), tx);
      then.stage = Stage::offset_acked;
      return out.add(next, [&] { return "the offset behind " + what + " is acknowledged"; });
    case Stage::offset_acked:
      if (!first && !has(Defect::commits_early)) return;
      then.stage = Stage::committing;
      return out.add(next, [&] { return who + " sends its commit of " + what; });
    case Stage::committing:
      if (fenced) return refused("fenced");
      return commit(s, me, slot, out);
  }
}

void KafkaModeModel::commit(const State& s, u8 me, u8 slot, Steps<State>& out) const {
  const u8 tx = tx_of(me, slot);
  const std::string what = "the commit of record " + std::to_string(s.owners[me].slots[slot].record);
  State done = s;
  done.tx[tx].unmarked = 3;
  done.owners[me].slots[slot] = {};
  out.add(done, [&] { return what + " is prepared and confirmed"; });
  if (s.losts == 0) return;
  // In doubt: everything is built anew, unless a defect says otherwise.
  State doubt = s;
  if (has(Defect::doubt_goes_on)) {
    doubt.owners[me].slots = {};
    doubt.owners[me].next = s.owners[me].slots[slot].record;
  } else if (has(Defect::rebuilds_one)) {
    if (s.tx[tx].unmarked != 0) return;
    doubt.owners[me].slots[slot] = {};
  } else {
    doubt = without(s, me, starts_at(s, me));
  }
  --doubt.losts;
  State in_effect = doubt, under_way = doubt;
  in_effect.tx[tx].unmarked = 3;
  out.fault(in_effect, [&] { return what + " is prepared, the reply is lost"; });
  under_way.tx[tx].late_end = 1;
  if (has(Defect::rebuilds_one)) {
    abort(under_way.outputs, tx);
    abort(under_way.offsets, tx);
    under_way.tx[tx].late_end = 0;
  }
  out.fault(under_way, [&] { return "nothing is heard of " + what + "; it is still under way"; });
}

void KafkaModeModel::broker(const State& s, Steps<State>& out) const {
  for (u8 tx = 0; tx < KafkaState::transactions; ++tx) {
    const auto& t = s.tx[tx];
    if (t.late_end != 0) {
      State next = s;
      next.tx[tx].late_end = 0;
      State lost = next;
      next.tx[tx].unmarked = 3;
      out.add(next, [&] { return "the late commit of transaction " + std::to_string(tx + 1) + " arrives"; });
      out.add(lost, [&] { return "the late commit of transaction " + std::to_string(tx + 1) + " is lost"; });
    }
    if ((t.unmarked & 1) != 0) {
      State next = s;
      mark(next.outputs, tx);
      next.tx[tx].unmarked &= 2;
      out.add(next, [&] { return "the outputs of transaction " + std::to_string(tx + 1) + " are marked committed"; });
    }
    if ((t.unmarked & 2) != 0) {
      State next = s;
      mark(next.offsets, tx);
      next.tx[tx].unmarked &= 1;
      out.add(next, [&] { return "the offset of transaction " + std::to_string(tx + 1) + " is marked committed"; });
    }
    // With ids of its own nobody else aborts what a dead owner has left.
    if (c_.own_ids && t.unmarked == 0 && t.holder != 0 && s.owners[t.holder - 1U].phase != Phase::running) {
      State next = s;
      abort(next.outputs, tx);
      abort(next.offsets, tx);
      if (next.outputs.length == s.outputs.length && next.offsets.length == s.offsets.length) continue;  // nothing was open
      next.tx[tx] = {};
      out.add(next, [&] { return "transaction " + std::to_string(tx + 1) + " times out and is aborted"; });
    }
  }
}

// A reader of committed outputs sees the log in its order, up to the first pending entry.
std::string_view KafkaModeModel::wrong(const State& s) const {
  int last = -1;
  for (const auto& e : s.outputs.entries) {
    if (e.status != Status::committed) continue;
    if (e.value <= last) return "a reader sees an output twice or out of order";
    last = e.value;
  }
  return {};
}

bool KafkaModeModel::good_end(const State& s) const {
  if (s.outputs.length != c_.records || any_pending(s.outputs) || any_pending(s.offsets) || committed_offset(s.offsets) != c_.records) return false;
  for (const auto& owner : s.owners) {
    for (const auto& slot : owner.slots) {
      if (slot.stage != Stage::idle) return false;
    }
  }
  return true;
}

}  // namespace hostler::model
