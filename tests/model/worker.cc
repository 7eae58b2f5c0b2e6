// The steps of a retry worker: the protocol's "Retry copy (and replay)".
#include "rules.h"

namespace hostler::model {
namespace {

using core::CopyAdmission;

class WorkerSteps {
 public:
  WorkerSteps(const Rules& rules, const State& s, u8 me, Steps<State>& out)
      : rules_(rules), scenario_(rules.scenario()), s_(s), w_(s.workers[me]), me_(me), out_(out) {}

  void all() {
    switch (w_.phase) {
      case WorkerPhase::idle: poll(); break;
      case WorkerPhase::held:
      case WorkerPhase::passed:
        if (scenario_.handling == Handling::outside_unlocked_look) look_unlocked();
        else lock_rows();
        break;
      case WorkerPhase::unsure:
      case WorkerPhase::free: lock_rows(); break;
      case WorkerPhase::locking: lock_next(); break;
      case WorkerPhase::behind: pass_mark(); break;
      case WorkerPhase::handled:
        publish();
        if (all_sent()) commit();
        if (w_.sent == 0) step(with(holding(WorkerPhase::held)), "rolls back and will begin again");
        break;
      case WorkerPhase::doubt: resolve(); break;
      case WorkerPhase::settled: commit_offset(); break;
    }
  }

 private:
  [[nodiscard]] State with(const Worker& w) const {
    State next = s_;
    next.workers[me_] = w;
    return next;
  }
  // The batch at hand and nothing else: no transaction, no locks, nothing decided.
  [[nodiscard]] Worker holding(WorkerPhase phase) const {
    Worker w;
    w.phase = phase;
    w.tier = w_.tier;
    w.count = w_.count;
    w.from = w_.from;
    w.gone = w_.gone;
    w.copy = w_.copy;
    return w;
  }
  template <class Words>
  void step(const State& next, Words&& words) {
    out_.add(next, [&] { return worker_name(me_) + " " + words(); });
  }
  void step(const State& next, const char* words) {
    out_.add(next, [&] { return worker_name(me_) + " " + words; });
  }
  [[nodiscard]] std::string batch(const Worker& w, bool fates) const {
    std::string out;
    for (u8 k = 0; k < w.count; ++k) out += (k == 0 ? "(" : ", (") + to_text(w.copy[k]) + ")" + (fates ? " " + to_text(w.fate[k]) : "");
    return out;
  }

  void poll() {
    for (u8 t = 0; t < scenario_.tiers; ++t) {
      const Tier& tier = s_.tiers[t];
      for (u8 n = 1; n <= scenario_.worker_batch && tier.offset + n <= tier.length; ++n) {
        Worker w;
        w.phase = WorkerPhase::held;
        w.tier = t;
        w.count = n;
        w.from = tier.offset;
        for (u8 k = 0; k < n; ++k) w.copy[k] = tier.log[tier.offset + k];
        State next = with(w);
        if (scenario_.has(Defect::offset_before_commit)) {
          next.tiers[t].offset = static_cast<u8>(w.from + n);
          rules_.trim(next, t);
        }
        step(next, [&] { return "polls " + batch(w, false) + " from tier " + std::to_string(t + 1); });
      }
    }
  }

  [[nodiscard]] bool exists(u8 k) const { return s_.rows[w_.copy[k].origin].state != RowState::none; }
  [[nodiscard]] bool second_look(const Worker& w) const { return w.then == WorkerPhase::passed; }

  // SELECT … FOR UPDATE: the rows that its snapshot sees, in order, waiting for each.
  void lock_rows() {
    if (!rules_.writer_free(s_)) return;
    Worker w = w_;
    w.then = w_.phase == WorkerPhase::unsure ? w_.then : w_.phase;
    w.phase = WorkerPhase::locking;
    w.found = w.locked = 0;
    for (u8 k = 0; k < w.count; ++k) {
      if (exists(k) && (w_.kept >> k & 1) == 0) w.found |= static_cast<u8>(1U << k);
    }
    if (w.count == 1) {  // one row: nothing can happen between snapshot and lock but waiting for it
      if (w.found != 0 && rules_.row_locked(s_, w.copy[0].origin)) return;
      w.locked = w.found;
      return locked(w);
    }
    step(with(w), [&] { return "begins to lock the rows of " + batch(w, false) + "; its snapshot has " + bits(w.found); });
  }

  void lock_next() {
    Worker w = w_;
    for (;;) {
      const int k = lowest_unlocked(w);
      if (k < 0) return locked(w);
      const u8 origin = w.copy[static_cast<u8>(k)].origin;
      u8 same = 0;
      for (u8 i = 0; i < w.count; ++i) {
        if (w.copy[i].origin == origin && (w.found >> i & 1) != 0) same |= static_cast<u8>(1U << i);
      }
      if (!exists(static_cast<u8>(k))) {  // deleted since the snapshot: skipped
        w.found &= static_cast<u8>(~same);
        continue;
      }
      if (rules_.row_locked(s_, origin)) return;
      w.locked |= same;
      if (lowest_unlocked(w) < 0) return locked(w);
      return step(with(w), [&] { return "locks the row of " + record_name(origin); });
    }
  }

  static int lowest_unlocked(const Worker& w) {
    int best = -1;
    for (u8 k = 0; k < w.count; ++k) {
      if ((w.found >> k & 1) != 0 && (w.locked >> k & 1) == 0 && (best < 0 || w.copy[k].origin < w.copy[static_cast<u8>(best)].origin)) best = k;
    }
    return best;
  }

  [[nodiscard]] Row row_of(const Worker& w, u8 k) const { return (w.locked >> k & 1) != 0 ? s_.rows[w.copy[k].origin] : Row{}; }

  // All rows are locked: judge what the look was for.
  void locked(const Worker& w) {
    if (w.then == WorkerPhase::free) return judge_again(w);
    if (needs_barrier(w, [&](u8 k) { return row_of(w, k); }) && !second_look(w)) return fall_behind(w, [&](u8 k) { return row_of(w, k); });
    judge(w, [&](u8 k) { return row_of(w, k); }, scenario_.handling == Handling::inside ? WorkerPhase::handled : WorkerPhase::free);
  }

  // Handlers that do not query, as the protocol has it: an unlocked row may only admit.
  void look_unlocked() {
    const auto row = [&](u8 k) { return s_.rows[w_.copy[k].origin]; };
    Worker w = w_;
    w.then = w_.phase;
    if (needs_barrier(w, row) && !second_look(w)) return fall_behind(w, row);
    const bool doubtful = !admits_all(w, row) && !scenario_.has(Defect::unlocked_duplicate);
    if (!doubtful) return judge(w, row, WorkerPhase::free);
    w.phase = WorkerPhase::unsure;
    step(with(w), [&] { return "finds by an unlocked look that " + batch(w, false) + " may hold duplicates"; });
  }

  template <class RowOf>
  bool needs_barrier(const Worker& w, RowOf&& row) const {
    for (u8 k = 0; k < w.count; ++k) {
      if ((w.kept >> k & 1) == 0 && rules_.admit(s_, w.copy[k], row(k)) == CopyAdmission::look_again) return true;
    }
    return false;
  }

  template <class RowOf>
  bool admits_all(const Worker& w, RowOf&& row) const {
    for (u8 k = 0; k < w.count; ++k) {
      const bool missing = row(k).state == RowState::none;  // behind the barrier a missing row is final
      if (!missing && rules_.admit(s_, w.copy[k], row(k)) != CopyAdmission::run) return false;
      for (u8 i = 0; i < k; ++i) {
        if (w.copy[i].origin == w.copy[k].origin) return false;
      }
    }
    return true;
  }

  // Whether an earlier copy of the same record in this batch runs.
  static bool twin_before(const Worker& w, u8 k) {
    for (u8 i = 0; i < k; ++i) {
      if (w.fate[i] != Fate::duplicate && w.copy[i].origin == w.copy[k].origin) return true;
    }
    return false;
  }

  // Rows are missing: rolls back, so that no lock is held, and will pass the marks of the missing ones.
  template <class RowOf>
  void fall_behind(const Worker& looked, RowOf&& row) {
    Worker w = holding(WorkerPhase::behind);
    for (u8 k = 0; k < w.count; ++k) {
      const auto admission = rules_.admit(s_, w.copy[k], row(k));
      if (admission == CopyAdmission::look_again) w.barriers |= static_cast<u8>(1U << rules_.partition_of(w.copy[k].origin));
      if (admission == CopyAdmission::run && scenario_.has(Defect::first_look_stands)) w.kept |= static_cast<u8>(1U << k);
    }
    step(with(w), [&] { return "finds no row for some of " + batch(looked, false) + ", and rolls back"; });
  }

  void pass_mark() {
    for (u8 p = 0; p < max_partitions; ++p) {  // in order, a transaction each
      if ((w_.barriers >> p & 1) == 0) continue;
      if (rules_.mark_locked(s_, p) || !rules_.writer_free(s_)) return;
      Worker w = w_;
      w.barriers &= static_cast<u8>(~(1U << p));
      if (w.barriers == 0) w.phase = WorkerPhase::passed;
      return step(with(w), [&] { return "passes the lock of the mark of partition " + std::to_string(p); });
    }
  }

  // Admission by core, then the handler.
  template <class RowOf>
  void judge(const Worker& looked, RowOf&& row, WorkerPhase next_phase) {
    Worker w = holding(next_phase);
    if (next_phase == WorkerPhase::handled) w.locked = looked.locked;
    bool any = false;
    for (u8 k = 0; k < w.count; ++k) {
      const bool kept = (looked.kept >> k & 1) != 0;
      const bool run = (kept || rules_.admit(s_, w.copy[k], row(k)) == CopyAdmission::run) && !twin_before(w, k);
      w.fate[k] = run ? Fate::done : Fate::duplicate;
      if (!run) continue;
      any = true;
      w.attempt[k] = w.copy[k].replay != 0 ? 2 : row(k).state != RowState::none ? row(k).attempt : w.copy[k].attempt;
    }
    if (!any) return step(with(holding(WorkerPhase::settled)), [&] { return "finds " + batch(w, true); });
    for_each_verdict(w.fate, w.count, scenario_.rejects, [&](const auto& fates) {
      Worker handled = w;
      handled.fate = fates;
      const bool free = next_phase == WorkerPhase::free;
      step(with(handled), [&] { return (free ? "handles without a transaction: " : "holds the rows and handles: ") + batch(handled, true); });
    });
  }

  // Handled without a transaction: the same step is required of the rows as they are now.
  void judge_again(const Worker& looked) {
    Worker w = looked;
    w.phase = WorkerPhase::handled;
    w.then = WorkerPhase::idle;
    w.found = 0;
    bool any = false;
    for (u8 k = 0; k < w.count; ++k) {
      const bool still = rules_.admit(s_, w.copy[k], row_of(w, k)) == CopyAdmission::run || scenario_.has(Defect::not_judged_again);
      if (!still) {
        w.fate[k] = Fate::duplicate;
        w.attempt[k] = 0;
      }
      any = any || w.fate[k] != Fate::duplicate;
    }
    if (!any) return step(with(holding(WorkerPhase::settled)), "locks the rows and finds nothing left to settle");
    step(with(w), [&] { return "locks the rows: " + batch(w, true); });
  }

  [[nodiscard]] bool all_sent() const {
    for (u8 k = 0; k < w_.count; ++k) {
      if ((w_.sent >> k & 1) == 0 && rules_.message_of(w_, k).to != Where::nowhere) return false;
    }
    return true;
  }

  void publish() {
    for (u8 k = 0; k < w_.count; ++k) {
      const Message m = rules_.message_of(w_, k);
      if ((w_.sent >> k & 1) != 0 || m.to == Where::nowhere) continue;
      Worker w = w_;
      w.sent |= static_cast<u8>(1U << k);
      State next = with(w);
      Rules::land(next, m);
      step(next, [&] { return "publishes " + to_text(m); });
      if (scenario_.has(Defect::letter_not_awaited) && m.to == Where::letters) {
        step(with(w), [&] { return "sends " + to_text(m) + ", which fails unnoticed"; });
      }
      if (s_.left.late > 0 && s_.late.to == Where::nowhere) {
        State late = with(holding(WorkerPhase::held));
        late.late = m;
        --late.left.late;
        out_.fault(late, [&] { return worker_name(me_) + " hears nothing of " + to_text(m) + ", rolls back; it is still under way"; });
      }
    }
  }

  void commit() {
    if (w_.killed != 0) return step(with(holding(WorkerPhase::held)), "fails to COMMIT: its session is gone");
    State next = with(holding(WorkerPhase::settled));
    rules_.commit(next, w_);
    step(next, [&] { return "COMMITs: " + batch(w_, true); });
    if (s_.left.lost > 0) {
      Worker doubt = w_;
      doubt.phase = WorkerPhase::doubt;
      State lost = with(doubt);
      --lost.left.lost;
      out_.fault(lost, [&] { return worker_name(me_) + " sends COMMIT and loses the connection"; });
    }
  }

  // The server makes up its mind. Until then whoever reads the rows again waits for them.
  void resolve() {
    Worker after = holding(WorkerPhase::held);
    if (scenario_.has(Defect::doubt_is_success)) after.phase = WorkerPhase::settled;
    if (scenario_.has(Defect::doubt_is_failure)) {
      after = w_;
      after.phase = WorkerPhase::handled;
      after.locked = after.sent = 0;
    }
    State next = with(after);
    rules_.commit(next, w_);
    out_.add(next, [&] { return "the COMMIT of " + worker_name(me_) + " took effect: " + batch(w_, true); });
    out_.add(with(after), [&] { return "the COMMIT of " + worker_name(me_) + " never arrived; its transaction is rolled back"; });
  }

  void commit_offset() {
    State next = with(Worker{});
    next.workers[me_] = w_;  // its place in the log is cut with the log
    rules_.commit_offset(next, w_);
    next.workers[me_] = Worker{};
    step(next, [&] { return "commits the offset behind " + batch(w_, false); });
  }

  [[nodiscard]] std::string bits(u8 mask) const {
    std::string out;
    for (u8 k = 0; k < w_.count; ++k) {
      if ((mask >> k & 1) != 0) out += (out.empty() ? "the row of " : ", ") + record_name(w_.copy[k].origin);
    }
    return out.empty() ? "none" : out;
  }

  const Rules& rules_;
  const Scenario& scenario_;
  const State& s_;
  const Worker& w_;
  const u8 me_;
  Steps<State>& out_;
};

}  // namespace

void worker_steps(const Rules& rules, const State& s, u8 worker, Steps<State>& out) { WorkerSteps(rules, s, worker, out).all(); }

}  // namespace hostler::model
