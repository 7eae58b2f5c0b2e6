#include "settlement_model.h"

#include <cstring>
#include <utility>

namespace hostler::model {

State SettlementModel::initial() const {
  State s;
  s.left = rules_.scenario().faults;
  return s;
}

void SettlementModel::steps(const State& s, Steps<State>& out) const {
  for (u8 i = 0; i < rules_.scenario().owners.size(); ++i) owner_steps(rules_, s, i, out);
  for (u8 i = 0; i < rules_.scenario().workers; ++i) worker_steps(rules_, s, i, out);
  world_steps(rules_, s, out);
}

// Identity: the event in event-id mode, the origin in offset mode.
std::string_view SettlementModel::wrong(const State& s) const {
  const Scenario& scenario = rules_.scenario();
  if (!scenario.by_outcome) {
    switch (s.broken) {
      case Broken::nothing: break;
      case Broken::ran_without_row: return "a copy ran without the ledger's row naming its step";
      case Broken::revived: return "a dead row was revived without a replay";
      case Broken::too_many_attempts: return "a record was attempted more often than 1 + retries";
      case Broken::step_stood_still: return "a record was delegated again at the same step";
    }
  }
  const auto records = static_cast<u8>(scenario.records.size());
  for (u8 origin = 0; origin < records; ++origin) {
    int effects = 0;
    bool dead = false;
    for (u8 twin = 0; twin < records; ++twin) {
      if (twin != origin && !(scenario.ids && rules_.event_of(twin) == rules_.event_of(origin))) continue;
      effects += s.effects[twin];
      dead = dead || s.rows[twin].state == RowState::dead;
    }
    if (effects > 1) return "an identity has two effects";
    if (effects == 1 && dead) return "an identity has an effect and a dead row";
  }
  return {};
}

// One effect or one dead row with its letter, and the id says which.
bool SettlementModel::settled_well(const State& s, u8 event) const {
  const Scenario& scenario = rules_.scenario();
  int effects = 0, dead = 0;
  bool may_be_lost = false;
  for (u8 origin = 0; origin < scenario.records.size(); ++origin) {
    if (rules_.event_of(origin) != event) continue;
    const Row& row = s.rows[origin];
    if (row.state == RowState::retry) return false;
    if (row.state == RowState::dead) {
      if ((s.letters[origin] >> row.step & 1) == 0) return false;
      ++dead;
    }
    effects += s.effects[origin];
    may_be_lost = may_be_lost || rules_.deleted(s, rules_.partition_of(origin));
    if (!scenario.ids && s.effects[origin] + (row.state == RowState::dead ? 1 : 0) != 1 && s.forgotten[event] == 0 && !may_be_lost) return false;
  }
  if (!scenario.ids) return true;
  const IdState tells = effects == 1 ? IdState::done : dead == 1 ? IdState::dead : IdState::none;
  return s.ids[event] == tells && (effects + dead == 1 || (effects + dead == 0 && (s.forgotten[event] != 0 || may_be_lost)));
}

bool SettlementModel::good_end(const State& s) const {
  const Scenario& scenario = rules_.scenario();
  for (u8 p = 0; p < max_partitions; ++p) {
    if (s.marks[p].next != rules_.records_of(p).size() && !rules_.deleted(s, p)) return false;
  }
  for (const Owner& o : s.owners) {
    if (o.phase != OwnerPhase::away && o.phase != OwnerPhase::ready) return false;
  }
  for (const Worker& w : s.workers) {
    if (w.phase != WorkerPhase::idle) return false;
  }
  for (const Tier& t : s.tiers) {
    if (t.offset != t.length) return false;
  }
  for (const auto& record : scenario.records) {
    if (!settled_well(s, record.event)) return false;
  }
  return true;
}

State SettlementModel::canonical(const State& s) const {
  State out = s;
  const auto less = [](const auto& a, const auto& b) { return std::memcmp(&a, &b, sizeof a) < 0; };
  if (rules_.scenario().workers == 2 && less(out.workers[1], out.workers[0])) std::swap(out.workers[0], out.workers[1]);
  for (MarkRow& mark : out.marks) {  // an owner that is away has forgotten its epoch
    if (mark.holder != 0 && out.owners[mark.holder - 1U].phase == OwnerPhase::away) mark.holder = 0;
  }
  const auto& owners = rules_.scenario().owners;
  for (u8 i = 0; i + 1U < owners.size(); ++i) {
    const u8 j = static_cast<u8>(i + 1);  // at most two of a partition, side by side
    if (owners[i] != owners[j]) continue;
    u8& holder = out.marks[owners[i]].holder;
    const int order = std::memcmp(&out.owners[i], &out.owners[j], sizeof(Owner));
    if (order < 0 || (order == 0 && holder != j + 1)) continue;
    std::swap(out.owners[i], out.owners[j]);
    if (holder == i + 1) holder = static_cast<u8>(j + 1);
    else if (holder == j + 1) holder = static_cast<u8>(i + 1);
  }
  return out;
}

}  // namespace hostler::model
