#include "rules.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>

#include "core/route.h"

namespace hostler::model {

using core::Outcome;

namespace {

Decision decide_by_core(const core::RetryPolicy& policy, u8 attempt, u8 step, Fate fate) {
  core::Record record;
  record.attempt = core::Attempt{attempt};
  record.step = core::Step{step};
  const auto verdict = fate == Fate::done ? core::Verdict::done : fate == Fate::retry ? core::Verdict::retry : core::Verdict::reject;
  const auto d = core::route(record, verdict, nullptr, policy, core::Timestamp{});
  return {d.outcome, static_cast<u8>(d.step.value), static_cast<u8>(d.attempt.value), static_cast<u8>(d.tier)};
}

}  // namespace

Rules::Rules(Scenario scenario) : scenario_(std::move(scenario)), partitions_(max_partitions) {
  for (u8 origin = 0; origin < scenario_.records.size(); ++origin) partitions_[scenario_.records[origin].partition].push_back(origin);
  core::RetryPolicy policy;
  policy.delays.clear();
  for (u8 i = 0; i < scenario_.tiers; ++i) policy.delays.push_back({"t" + std::to_string(i), std::chrono::minutes(1 + i)});
  policy.max_retries = scenario_.retries;
  for (u8 attempt = 1; attempt <= max_attempt; ++attempt) {
    for (u8 step = 0; step <= max_step; ++step) {
      for (const Fate fate : {Fate::done, Fate::retry, Fate::reject}) {
        decisions_[attempt][step][static_cast<u8>(fate)] = decide_by_core(policy, attempt, step, fate);
      }
    }
  }
}

Message Rules::message(u8 origin, const Decision& d) const {
  Message out;
  if (d.outcome != Outcome::retry && d.outcome != Outcome::dead) return out;
  if (d.step > max_step) throw std::length_error("steps of the model do not fit: widen Copy");
  out.copy.origin = origin & 3U;
  out.copy.step = d.step & 7U;
  if (d.outcome == Outcome::dead) {
    out.to = Where::letters;
  } else {
    out.copy.attempt = d.attempt & 3U;
    out.to = d.tier == 0 ? Where::first_tier : Where::second_tier;
  }
  return out;
}

Message Rules::message_of(const State& s, u8 owner, u8 index) const {
  const Owner& o = s.owners[owner];
  if (o.fate[index] == Fate::duplicate) return {};
  return message(origin_in(owner, o, index), decide(1, 0, o.fate[index]));
}

Message Rules::message_of(const Worker& w, u8 index) const {
  if (w.fate[index] == Fate::duplicate) return {};
  return message(w.copy[index].origin, decide(w.attempt[index], w.copy[index].step, w.fate[index]));
}

core::CopyAdmission Rules::admit(const State& s, Copy copy, const Row& row) const {
  using enum core::CopyAdmission;
  if (scenario_.has(Defect::dedupe_by_attempt)) return (s.seen[copy.origin] >> copy.attempt & 1) != 0 ? duplicate : run;
  std::optional<core::DelegatedRow> known;
  if (row.state != RowState::none) known = core::DelegatedRow{row.state == RowState::dead, false, core::Step{row.step}};
  const auto admission = core::admit_copy(known, core::Step{copy.step}, copy.replay != 0);
  if (admission != look_again) return admission;
  if (scenario_.has(Defect::copy_without_row)) return run;
  return scenario_.has(Defect::no_barrier) || !scenario_.barrier ? duplicate : look_again;
}

// -- locks: a killed session holds none --

bool Rules::holds_transaction(const Owner& o) {
  return o.killed == 0 && (o.phase == OwnerPhase::handled || o.phase == OwnerPhase::fenced || o.phase == OwnerPhase::doubt);
}

bool Rules::holds_transaction(const Worker& w) {
  return w.killed == 0 && (w.phase == WorkerPhase::locking || w.phase == WorkerPhase::handled || w.phase == WorkerPhase::doubt);
}

bool Rules::writer_free(const State& s) const {
  if (!scenario_.one_writer) return true;
  return std::none_of(s.owners.begin(), s.owners.end(), [](const Owner& o) { return holds_transaction(o); }) &&
         std::none_of(s.workers.begin(), s.workers.end(), [](const Worker& w) { return holds_transaction(w); });
}

bool Rules::mark_locked(const State& s, u8 partition) const {
  for (u8 i = 0; i < scenario_.owners.size(); ++i) {
    const Owner& o = s.owners[i];
    if (scenario_.owners[i] == partition && holds_transaction(o) && o.phase != OwnerPhase::handled) return true;
  }
  return false;
}

bool Rules::id_claimed(const State& s, u8 event) const {
  for (u8 i = 0; i < scenario_.owners.size(); ++i) {
    const Owner& o = s.owners[i];
    if (!holds_transaction(o)) continue;
    for (u8 k = 0; k < o.count; ++k) {
      if (o.fate[k] != Fate::duplicate && event_of(origin_in(i, o, k)) == event) return true;
    }
  }
  return false;
}

bool Rules::row_locked(const State& s, u8 origin) const {
  for (const Worker& w : s.workers) {
    if (!holds_transaction(w)) continue;
    for (u8 k = 0; k < w.count; ++k) {
      if ((w.locked >> k & 1) != 0 && w.copy[k].origin == origin) return true;
    }
  }
  return false;
}

// -- what becomes true --

void Rules::settle(State& s, u8 origin, const Decision& d) const {
  Row& row = s.rows[origin];
  IdState& id = s.ids[event_of(origin)];
  switch (d.outcome) {
    case Outcome::done:
      row = {};
      s.effects[origin] = static_cast<u8>(std::min(s.effects[origin] + 1, 2));
      if (scenario_.ids) id = IdState::done;
      break;
    case Outcome::retry:
      row = {RowState::retry, d.step, d.attempt};
      if (scenario_.ids) id = scenario_.has(Defect::id_freed_on_retry) ? IdState::none : IdState::retry;
      break;
    case Outcome::dead:
      row = {RowState::dead, d.step, d.attempt};
      if (scenario_.ids) id = IdState::dead;
      break;
    default: break;
  }
}

void Rules::commit(State& s, u8 owner) const {
  const Owner& o = s.owners[owner];
  for (u8 k = 0; k < o.count; ++k) {
    if (o.fate[k] == Fate::duplicate) continue;
    const u8 origin = origin_in(owner, o, k);
    if (s.rows[origin].state == RowState::dead) s.broken = Broken::revived;
    if (scenario_.has(Defect::dedupe_by_attempt)) s.seen[origin] |= 1U << 1U;
    const Decision& d = decide(1, 0, o.fate[k]);
    if (d.outcome != Outcome::done && d.step == 0) s.broken = Broken::step_stood_still;
    settle(s, origin, d);
  }
  s.marks[scenario_.owners[owner]].next = static_cast<u8>(o.next + o.count);
}

// The admission table once more, as the invariant it is: core::admit_copy must not be its own judge.
bool Rules::names(const Row& row, Copy copy) {
  return copy.replay != 0 ? row.state == RowState::dead && row.step + 1 == copy.step : row.state == RowState::retry && row.step == copy.step;
}

void Rules::commit(State& s, const Worker& w) const {
  for (u8 k = 0; k < w.count; ++k) {
    if (w.fate[k] == Fate::duplicate) continue;
    const Copy copy = w.copy[k];
    const Row& row = s.rows[copy.origin];
    if (!names(row, copy)) s.broken = Broken::ran_without_row;
    if (row.state == RowState::dead && copy.replay == 0) s.broken = Broken::revived;
    if (w.attempt[k] > most_attempts()) s.broken = Broken::too_many_attempts;
    if (scenario_.has(Defect::dedupe_by_attempt)) s.seen[copy.origin] |= static_cast<u8>(1U << copy.attempt);
    const Decision& d = decide(w.attempt[k], copy.step, w.fate[k]);
    if (d.outcome != Outcome::done && d.step <= copy.step) s.broken = Broken::step_stood_still;
    settle(s, copy.origin, d);
  }
}

void Rules::land(State& s, const Message& message) {
  if (message.to == Where::letters) {
    s.letters[message.copy.origin] |= static_cast<u8>(1U << message.copy.step);
    return;
  }
  Tier& tier = s.tiers[message.to == Where::first_tier ? 0 : 1];
  if (full(s, message)) throw std::length_error("a retry topic of the model is full: widen log_room");
  tier.log[tier.length++] = message.copy;
}

bool Rules::full(const State& s, const Message& m) { return m.to != Where::letters && s.tiers[m.to == Where::first_tier ? 0 : 1].length == log_room; }

void Rules::commit_offset(State& s, const Worker& w) const {
  Tier& tier = s.tiers[w.tier];
  tier.offset = std::max<u8>(tier.offset, static_cast<u8>(w.from + w.count - w.gone));
  trim(s, w.tier);
}

void Rules::trim(State& s, u8 number) const {
  Tier& tier = s.tiers[number];
  if (s.left.reread > 0 || tier.offset == 0) return;
  const u8 cut = tier.offset;
  std::copy(tier.log.begin() + cut, tier.log.begin() + tier.length, tier.log.begin());
  tier.length = static_cast<u8>(tier.length - cut);
  std::fill(tier.log.begin() + tier.length, tier.log.end(), Copy{});
  tier.offset = 0;
  for (Worker& w : s.workers) {
    if (w.tier != number || w.count == 0) continue;
    const u8 before = std::min(w.from, cut);
    w.from = static_cast<u8>(w.from - before);
    w.gone = static_cast<u8>(std::min<int>(w.count, w.gone + cut - before));
  }
}

// -- words --

std::string owner_name(u8 owner) { return std::string("owner ") + static_cast<char>('A' + owner); }
std::string worker_name(u8 worker) { return "retry worker " + std::to_string(worker + 1); }
std::string record_name(u8 origin) { return "record " + std::to_string(origin); }

std::string to_text(Copy copy) {
  return record_name(copy.origin) + ", step " + std::to_string(copy.step) + ", attempt " + std::to_string(copy.attempt) +
         (copy.replay != 0 ? ", replay" : "");
}

std::string to_text(const Message& m) {
  if (m.to == Where::letters) return "the dead letter (" + record_name(m.copy.origin) + ", step " + std::to_string(m.copy.step) + ")";
  return "the copy (" + to_text(m.copy) + ") to tier " + (m.to == Where::first_tier ? "1" : "2");
}

std::string to_text(Fate fate) {
  switch (fate) {
    case Fate::duplicate: return "duplicate";
    case Fate::done: return "done";
    case Fate::retry: return "retry";
    case Fate::reject: return "reject";
  }
  return "?";
}

}  // namespace hostler::model
