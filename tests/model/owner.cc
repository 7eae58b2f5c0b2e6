// The steps of an owner of a source partition: the protocol's "Main batch".
#include "rules.h"

namespace hostler::model {
namespace {

class OwnerSteps {
 public:
  OwnerSteps(const Rules& rules, const State& s, u8 me, Steps<State>& out)
      : rules_(rules), scenario_(rules.scenario()), s_(s), o_(s.owners[me]), me_(me), partition_(scenario_.owners[me]), out_(out) {}

  void all() {
    switch (o_.phase) {
      case OwnerPhase::away: take_over(); break;
      case OwnerPhase::ready:
        begin();
        look_at_epoch();
        break;
      case OwnerPhase::free: claim(); break;
      case OwnerPhase::handled:
        if (scenario_.has(Defect::publish_before_fence)) publish();
        if (!scenario_.has(Defect::publish_before_fence) || all_sent()) fence();
        roll_back();
        break;
      case OwnerPhase::fenced:
        publish();
        if (all_sent()) commit();
        roll_back();
        break;
      case OwnerPhase::doubt: resolve(); break;
    }
  }

 private:
  // The state after this owner became `o`.
  [[nodiscard]] State with(const Owner& o) const {
    State next = s_;
    next.owners[me_] = o;
    return next;
  }
  [[nodiscard]] Owner at_rest(OwnerPhase phase) const {
    Owner o;
    o.phase = phase;
    if (phase != OwnerPhase::away) o.next = o_.next;
    return o;
  }
  template <class Words>
  void step(const State& next, Words&& words) {
    out_.add(next, [&] { return owner_name(me_) + " " + words(); });
  }
  void step(const State& next, const char* words) {
    out_.add(next, [&] { return owner_name(me_) + " " + words; });
  }
  [[nodiscard]] std::string batch(const Owner& o) const {
    std::string out;
    for (u8 k = 0; k < o.count; ++k) out += (k == 0 ? "" : ", ") + record_name(rules_.origin_in(me_, o, k)) + " " + to_text(o.fate[k]);
    return out;
  }

  // Step 0: FOR UPDATE waits for whoever holds the mark, then raises its epoch.
  void take_over() {
    if (rules_.deleted(s_, partition_) || rules_.mark_locked(s_, partition_) || !rules_.writer_free(s_)) return;
    Owner o = at_rest(OwnerPhase::ready);
    o.next = s_.marks[partition_].next;
    State next = with(o);
    next.marks[partition_].holder = static_cast<u8>(me_ + 1);
    step(next, [&] { return "takes the mark over at " + std::to_string(o.next); });
  }

  // Every few seconds: an owner that has nothing to do would not hear of a rewind.
  void look_at_epoch() {
    if (scenario_.has(Defect::idle_owner_looks_away)) return;
    if (s_.marks[partition_].holder != me_ + 1) step(with(at_rest(OwnerPhase::away)), "looks at the mark and finds its epoch raised");
  }

  // Steps 1 and 2: begin, claim, handle. Nobody else sees anything of the handling, so that it needs no step of its own.
  void begin() {
    if (rules_.deleted(s_, partition_)) return;
    const auto left = rules_.records_of(partition_).size() - o_.next;
    for (u8 n = 1; n <= scenario_.owner_batch && n <= left; ++n) begin(n);
  }

  void begin(u8 count) {
    const bool inside = scenario_.handling == Handling::inside;
    if (inside && !rules_.writer_free(s_)) return;
    Owner o = at_rest(inside ? OwnerPhase::handled : OwnerPhase::free);
    o.count = count;
    State claimed = s_;
    for (u8 k = 0; k < count; ++k) {
      o.fate[k] = Fate::done;
      const u8 event = rules_.event_of(rules_.origin_in(me_, o, k));
      if (!scenario_.ids) continue;
      if (s_.ids[event] != IdState::none || twin_before(o, k)) {
        o.fate[k] = Fate::duplicate;
      } else if (inside && rules_.id_claimed(s_, event)) {
        return;  // waits for the other's transaction
      } else if (scenario_.has(Defect::ids_outside)) {
        claimed.ids[event] = IdState::done;
      }
    }
    for_each_verdict(o.fate, count, scenario_.rejects, [&](const auto& fates) {
      Owner handled = o;
      handled.fate = fates;
      State next = claimed;
      next.owners[me_] = handled;
      step(next, [&] { return (inside ? "begins, claims and handles: " : "looks ids up and handles without a transaction: ") + batch(handled); });
    });
  }

  [[nodiscard]] bool twin_before(const Owner& o, u8 k) const {
    for (u8 i = 0; i < k; ++i) {
      if (o.fate[i] != Fate::duplicate && rules_.event_of(rules_.origin_in(me_, o, i)) == rules_.event_of(rules_.origin_in(me_, o, k))) return true;
    }
    return false;
  }

  // Handlers that do not query: the transaction begins now, and the claim decides.
  void claim() {
    if (!rules_.writer_free(s_)) return;
    Owner o = o_;
    o.phase = OwnerPhase::handled;
    for (u8 k = 0; k < o.count; ++k) {
      if (!scenario_.ids || o.fate[k] == Fate::duplicate) continue;
      const u8 event = rules_.event_of(rules_.origin_in(me_, o, k));
      if (s_.ids[event] != IdState::none) o.fate[k] = Fate::duplicate;
      else if (rules_.id_claimed(s_, event)) return;
    }
    step(with(o), [&] { return "begins and claims: " + batch(o); });
  }

  // Step 4: compare and set, by which the mark's row is locked until COMMIT.
  void fence() {
    if (o_.killed != 0) return step(with(at_rest(OwnerPhase::ready)), "finds its session gone");
    if (rules_.mark_locked(s_, partition_)) return;
    const MarkRow& mark = s_.marks[partition_];
    const bool holds = mark.next == o_.next && mark.holder == me_ + 1;
    if (!holds && !scenario_.has(Defect::no_compare_and_set)) {
      return step(with(at_rest(OwnerPhase::away)), "finds the mark moved or taken over, and rolls back");
    }
    Owner o = o_;
    o.phase = OwnerPhase::fenced;
    step(with(o), [&] { return "fences: mark " + std::to_string(o.next) + " -> " + std::to_string(o.next + o.count); });
  }

  [[nodiscard]] bool all_sent() const {
    for (u8 k = 0; k < o_.count; ++k) {
      if ((o_.sent >> k & 1) == 0 && rules_.message_of(s_, me_, k).to != Where::nowhere) return false;
    }
    return true;
  }

  // Step 6, one record at a time, in any order.
  void publish() {
    for (u8 k = 0; k < o_.count; ++k) {
      const Message m = rules_.message_of(s_, me_, k);
      if ((o_.sent >> k & 1) != 0 || m.to == Where::nowhere) continue;
      if (scenario_.has(Defect::publish_before_fence) && Rules::full(s_, m)) continue;  // stale owners publish without end
      Owner o = o_;
      o.sent |= static_cast<u8>(1U << k);
      State next = with(o);
      Rules::land(next, m);
      step(next, [&] { return "publishes " + to_text(m); });
      if (scenario_.has(Defect::letter_not_awaited) && m.to == Where::letters) {
        step(with(o), [&] { return "sends " + to_text(m) + ", which fails unnoticed"; });
      }
      if (s_.left.late > 0 && s_.late.to == Where::nowhere) {
        State late = with(at_rest(OwnerPhase::ready));
        late.late = m;
        --late.left.late;
        out_.fault(late, [&] { return owner_name(me_) + " hears nothing of " + to_text(m) + ", rolls back; it is still under way"; });
      }
    }
  }

  // A deadlock, or nothing could be published. Once something is, whatever ends the transaction is a fault of its own.
  void roll_back() {
    if (o_.sent == 0) step(with(at_rest(OwnerPhase::ready)), "rolls back and will run the batch again");
  }

  // Step 7. The offset commit that follows says nothing that the mark does not say better.
  void commit() {
    if (o_.killed != 0) return step(with(at_rest(OwnerPhase::ready)), "fails to COMMIT: its session is gone");
    State next = s_;
    rules_.commit(next, me_);
    Owner o = at_rest(OwnerPhase::ready);
    o.next = static_cast<u8>(o_.next + o_.count);
    next.owners[me_] = o;
    step(next, [&] { return "COMMITs: " + batch(o_); });
    if (s_.left.lost > 0) {
      Owner doubt = o_;
      doubt.phase = OwnerPhase::doubt;
      State lost = with(doubt);
      --lost.left.lost;
      out_.fault(lost, [&] { return owner_name(me_) + " sends COMMIT and loses the connection"; });
    }
  }

  // The server makes up its mind. Whoever sent the COMMIT cannot act before: step 0 waits for the mark.
  void resolve() {
    State next = s_;
    rules_.commit(next, me_);
    next.owners[me_] = at_rest(OwnerPhase::away);
    out_.add(next, [&] { return "the COMMIT of " + owner_name(me_) + " took effect: " + batch(o_); });
    out_.add(with(at_rest(OwnerPhase::away)), [&] { return "the COMMIT of " + owner_name(me_) + " never arrived; its transaction is rolled back"; });
  }

  const Rules& rules_;
  const Scenario& scenario_;
  const State& s_;
  const Owner& o_;
  const u8 me_, partition_;
  Steps<State>& out_;
};

}  // namespace

void owner_steps(const Rules& rules, const State& s, u8 owner, Steps<State>& out) { OwnerSteps(rules, s, owner, out).all(); }

}  // namespace hostler::model
