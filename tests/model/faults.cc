// What the world and its operators do to the processes: each of it only as often as the scenario allows.
#include "rules.h"

namespace hostler::model {
namespace {

class WorldSteps {
 public:
  WorldSteps(const Rules& rules, const State& s, Steps<State>& out) : rules_(rules), scenario_(rules.scenario()), s_(s), out_(out) {}

  void all() {
    if (s_.late.to != Where::nowhere) arrive();
    if (s_.left.crash > 0) crash();
    if (s_.left.kill > 0) kill();
    if (s_.left.replay > 0) replay();
    if (s_.left.reread > 0) reread();
    if (s_.left.rewind > 0) rewind();
    if (s_.left.expire > 0) expire();
    if (s_.left.force > 0) force();
    if (s_.left.lose > 0) lose();
    if (scenario_.faults.lose > 0 || s_.left.reissue > 0) reissue();
    if (s_.left.recreate > 0) recreate();
  }

 private:
  void arrive() {
    State next = s_;
    next.late = {};
    Rules::land(next, s_.late);
    out_.add(next, [&] { return to_text(s_.late) + ": the late produce arrives"; });
  }

  // The process is gone with all it knew; what it had sent may still arrive.
  template <class Message_of>
  void crash(State next, const std::string& who, u8 count, u8 sent, bool publishing, Message_of&& message_of) {
    --next.left.crash;
    out_.fault(next, [&] { return who + " crashes"; });
    if (!publishing || s_.left.late == 0 || s_.late.to != Where::nowhere) return;
    for (u8 k = 0; k < count; ++k) {
      const Message m = message_of(k);
      if ((sent >> k & 1) != 0 || m.to == Where::nowhere) continue;
      State late = next;
      late.late = m;
      --late.left.late;
      out_.fault(late, [&] { return who + " crashes; " + to_text(m) + " is still under way"; });
    }
  }

  void crash() {
    for (u8 i = 0; i < scenario_.owners.size(); ++i) {
      const Owner& o = s_.owners[i];
      if (o.phase != OwnerPhase::free && o.phase != OwnerPhase::handled && o.phase != OwnerPhase::fenced) continue;
      State next = s_;
      next.owners[i] = {};
      crash(next, owner_name(i), o.count, o.sent, o.phase == OwnerPhase::fenced, [&](u8 k) { return rules_.message_of(s_, i, k); });
    }
    for (u8 i = 0; i < scenario_.workers; ++i) {
      const Worker& w = s_.workers[i];
      if (w.phase == WorkerPhase::idle || w.phase == WorkerPhase::doubt) continue;
      State next = s_;
      next.workers[i] = {};
      crash(next, worker_name(i), w.count, w.sent, w.phase == WorkerPhase::handled, [&](u8 k) { return rules_.message_of(w, k); });
    }
  }

  // The server ends a session; its host goes on and hears of it at the next statement.
  void kill() {
    for (u8 i = 0; i < scenario_.owners.size(); ++i) {
      const Owner& o = s_.owners[i];
      if (!Rules::holds_transaction(o) || o.phase == OwnerPhase::doubt) continue;
      State next = s_;
      next.owners[i].killed = 1;
      --next.left.kill;
      out_.fault(next, [&] { return "the session of " + owner_name(i) + " is killed"; });
    }
    for (u8 i = 0; i < scenario_.workers; ++i) {
      const Worker& w = s_.workers[i];
      if (w.phase != WorkerPhase::handled || w.killed != 0) continue;
      State next = s_;
      next.workers[i].killed = 1;
      next.workers[i].locked = 0;
      --next.left.kill;
      out_.fault(next, [&] { return "the session of " + worker_name(i) + " is killed"; });
    }
  }

  static Message copy_of(u8 origin, u8 step, u8 attempt, bool is_replay) {
    Message m;
    m.copy.origin = origin & 3U;
    m.copy.step = step & 7U;
    m.copy.attempt = attempt & 3U;
    m.copy.replay = is_replay ? 1U : 0U;
    m.to = Where::first_tier;
    return m;
  }

  // `dlq replay` of a valid letter. It writes no row.
  void replay() {
    for (u8 origin = 0; origin < scenario_.records.size(); ++origin) {
      const Row& row = s_.rows[origin];
      if (row.state != RowState::dead || (s_.letters[origin] >> row.step & 1) == 0) continue;
      State next = s_;
      --next.left.replay;
      Rules::land(next, copy_of(origin, static_cast<u8>(row.step + 1), 2, true));
      out_.fault(next, [&] { return "an operator replays the letter of " + record_name(origin) + " at step " + std::to_string(row.step); });
    }
  }

  void reread() {
    for (u8 t = 0; t < scenario_.tiers; ++t) {
      if (s_.tiers[t].offset == 0) continue;
      State next = s_;
      next.tiers[t].offset = 0;
      --next.left.reread;
      trim_all(next);
      out_.fault(next, [&] { return "the retry group's offset of tier " + std::to_string(t + 1) + " goes back to the beginning"; });
    }
  }
  void trim_all(State& next) const {
    for (u8 t = 0; t < scenario_.tiers; ++t) rules_.trim(next, t);
  }

  // `hostler offsets rewind`, one transaction: mark and epoch; in offset mode the rows from there on.
  void rewind() {
    for (u8 p = 0; p < max_partitions; ++p) {
      if (rules_.mark_locked(s_, p) || !rules_.writer_free(s_)) continue;
      for (u8 to = 0; to < s_.marks[p].next; ++to) {
        State next = s_;
        next.marks[p] = {to, 0};
        --next.left.rewind;
        bool waits = false;
        for (u8 k = to; !scenario_.ids && k < rules_.records_of(p).size(); ++k) {
          const u8 origin = rules_.records_of(p)[k];
          waits = waits || rules_.row_locked(s_, origin);
          if (!scenario_.has(Defect::rewind_keeps_rows)) next.rows[origin] = {};
          next.effects[origin] = 0;  // what is handled from here on is meant to be handled again
          next.seen[origin] = 0;
        }
        if (waits) continue;
        out_.fault(next, [&] { return "an operator rewinds partition " + std::to_string(p) + " to " + std::to_string(to); });
      }
    }
  }

  // Retention: an id that is done, or a dead row and its id. What was settled by it is forgotten.
  void expire() {
    for (u8 event = 0; event < max_records; ++event) {
      State next = s_;
      --next.left.expire;
      bool dead = false, locked = false;
      for (u8 origin = 0; origin < scenario_.records.size(); ++origin) {
        if (rules_.event_of(origin) != event) continue;
        next.effects[origin] = 0;
        if (s_.rows[origin].state != RowState::dead) continue;
        dead = true;
        locked = rules_.row_locked(s_, origin);
        next.rows[origin] = {};
      }
      if (locked || (!dead && s_.ids[event] != IdState::done)) continue;
      next.ids[event] = IdState::none;
      next.forgotten[event] = 1;
      const std::string what = dead ? "the dead row and the id" : "the id";
      out_.fault(next, [&] { return "retention deletes " + what + " of event " + std::to_string(event); });
    }
  }

  // `dlq replay --force` of a letter whose row is gone: one transaction claims the id, as a record would, and inserts the row.
  void force() {
    for (u8 origin = 0; origin < scenario_.records.size(); ++origin) {
      const u8 event = rules_.event_of(origin);
      if (s_.rows[origin].state != RowState::none) continue;
      if (!scenario_.has(Defect::force_any_id) && (s_.ids[event] != IdState::none || rules_.id_claimed(s_, event))) continue;
      for (u8 step = 1; step < max_step; ++step) {
        if ((s_.letters[origin] >> step & 1) == 0) continue;
        State next = s_;
        --next.left.force;
        next.rows[origin] = {RowState::dead, step, 1};
        if (scenario_.ids) next.ids[event] = IdState::dead;
        Rules::land(next, copy_of(origin, static_cast<u8>(step + 1), 2, true));
        out_.fault(next, [&] { return "an operator forces the replay of the letter of " + record_name(origin) + ", step " + std::to_string(step); });
      }
    }
  }

  // The topic's retention, or a deleted topic, takes an unread copy away.
  void lose() {
    for (u8 t = 0; t < scenario_.tiers; ++t) {
      const Tier& tier = s_.tiers[t];
      if (tier.offset == tier.length) continue;
      State next = s_;
      ++next.tiers[t].offset;
      --next.left.lose;
      rules_.trim(next, t);
      out_.fault(next, [&] { return "tier " + std::to_string(t + 1) + " loses the unread copy (" + to_text(tier.log[tier.offset]) + ")"; });
    }
  }

  // `hostler ledger stuck --reissue`: the row's step again. As a fault: although the copy is not lost.
  void reissue() {
    for (u8 origin = 0; origin < scenario_.records.size(); ++origin) {
      const Row& row = s_.rows[origin];
      if (row.state != RowState::retry) continue;
      State next = s_;
      Rules::land(next, copy_of(origin, row.step, row.attempt, false));
      const auto words = [&] { return "an operator reissues the copy of " + record_name(origin) + " at step " + std::to_string(row.step); };
      if (!scenario_.has(Defect::nobody_reissues) && scenario_.faults.lose > 0 && !is_about(origin, row.step)) out_.add(next, words);
      if (s_.left.reissue == 0) continue;
      --next.left.reissue;
      out_.fault(next, words);
    }
  }

  [[nodiscard]] bool is_about(u8 origin, u8 step) const {
    const auto same = [&](const Copy& c) { return c.origin == origin && c.step == step; };
    for (const Tier& tier : s_.tiers) {
      for (u8 i = tier.offset; i < tier.length; ++i) {
        if (same(tier.log[i])) return true;
      }
    }
    for (const Worker& w : s_.workers) {
      for (u8 k = 0; k < w.count; ++k) {
        if (w.phase != WorkerPhase::settled && same(w.copy[k])) return true;
      }
    }
    return s_.late.to != Where::nowhere && s_.late.to != Where::letters && same(s_.late.copy);
  }

  // The topic is deleted and made anew, and adopted, which raises the old mark's epoch.
  void recreate() {
    if (rules_.mark_locked(s_, 0) || !rules_.writer_free(s_)) return;
    State next = s_;
    next.gone = 1;
    next.marks[0].holder = 0;
    --next.left.recreate;
    out_.fault(next, [&] { return std::string("the topic is deleted, made anew and adopted"); });
  }

  const Rules& rules_;
  const Scenario& scenario_;
  const State& s_;
  Steps<State>& out_;
};

}  // namespace

void world_steps(const Rules& rules, const State& s, Steps<State>& out) { WorldSteps(rules, s, out).all(); }

}  // namespace hostler::model
