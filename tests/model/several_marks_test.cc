// Several partitions in one transaction: what the protocol allows and the host does not do (ADR 2). Offset mode, so that nothing but the marks
// keeps an effect from happening twice. Two owners, two partitions of two records; a transaction takes the next record of each of its partitions.
#include <array>
#include <cstdint>
#include <set>

#include "expect.h"

using namespace hostler::model;

namespace {

using u8 = std::uint8_t;
constexpr u8 partitions = 2, per_partition = 2;

struct MarksState {
  struct Mark {
    u8 next = 0, holder = 0;  // whose epoch is current, from 1
  };
  enum class Phase : u8 { ready, handled, doubt };
  struct Owner {
    Phase phase = Phase::ready;
    u8 knows = 0;              // bit per partition it has taken over
    std::array<u8, partitions> next{};
    u8 batch = 0, locked = 0;  // bit per partition
    u8 stale = 0;              // seen when the look came before the lock (a defect)
  };
  std::array<Mark, partitions> marks{};
  std::array<Owner, 2> owners{};
  std::array<u8, partitions * per_partition> effects{};
  u8 crashes = 0, losts = 0;
};

enum class Defect : u8 {
  settles_the_stale,   // one stale mark is skipped, the transaction commits with all its effects
  looks_before_locks,  // marks are compared before they are locked
  unsorted,            // marks are locked in the owner's own order, and the database sees no deadlock
};

class MarksModel {
 public:
  using State = MarksState;
  MarksModel(u8 crashes, u8 losts, std::set<Defect> defects = {}) : crashes_(crashes), losts_(losts), defects_(std::move(defects)) {}

  [[nodiscard]] State initial() const {
    State s;
    s.crashes = crashes_;
    s.losts = losts_;
    return s;
  }

  void steps(const State& s, Steps<State>& out) const {
    for (u8 i = 0; i < s.owners.size(); ++i) {
      const std::string who = std::string("owner ") + static_cast<char>('A' + i);
      switch (s.owners[i].phase) {
        case MarksState::Phase::ready:
          take_over(s, i, who, out);
          begin(s, i, who, out);
          break;
        case MarksState::Phase::handled:
          lock_or_settle(s, i, who, out);
          if (s.crashes > 0) {
            State next = s;
            next.owners[i] = {};
            --next.crashes;
            out.fault(next, [&] { return who + " crashes"; });
          }
          break;
        case MarksState::Phase::doubt: {
          State next = s, undone = s;
          commit(next, i);
          next.owners[i] = undone.owners[i] = {};  // step 0 for each of its partitions
          out.add(next, [&] { return "the COMMIT of " + who + " took effect"; });
          out.add(undone, [&] { return "the COMMIT of " + who + " never arrived"; });
          break;
        }
      }
    }
  }

  [[nodiscard]] std::string_view wrong(const State& s) const {
    for (const u8 effects : s.effects) {
      if (effects > 1) return "a record has two effects";
    }
    return {};
  }

  [[nodiscard]] bool good_end(const State& s) const {
    for (const auto& mark : s.marks) {
      if (mark.next != per_partition) return false;
    }
    for (const u8 effects : s.effects) {
      if (effects != 1) return false;
    }
    return s.owners[0].phase == MarksState::Phase::ready && s.owners[1].phase == MarksState::Phase::ready;
  }

 private:
  [[nodiscard]] bool has(Defect d) const { return defects_.contains(d); }
  static bool locked(const State& s, u8 p) { return ((s.owners[0].locked | s.owners[1].locked) >> p & 1) != 0; }
  static bool stale(const State& s, u8 i, u8 p) { return s.marks[p].holder != i + 1 || s.marks[p].next != s.owners[i].next[p]; }

  void take_over(const State& s, u8 i, const std::string& who, Steps<State>& out) const {
    for (u8 p = 0; p < partitions; ++p) {
      if ((s.owners[i].knows >> p & 1) != 0 || locked(s, p)) continue;
      State next = s;
      next.marks[p].holder = static_cast<u8>(i + 1);
      next.owners[i].knows |= static_cast<u8>(1U << p);
      next.owners[i].next[p] = s.marks[p].next;
      out.add(next, [&] { return who + " takes partition " + std::to_string(p) + " over"; });
    }
  }

  void begin(const State& s, u8 i, const std::string& who, Steps<State>& out) const {
    for (u8 batch = 1; batch < 4; ++batch) {
      bool can = (s.owners[i].knows & batch) == batch;
      State next = s;
      auto& o = next.owners[i];
      for (u8 p = 0; p < partitions; ++p) {
        if ((batch >> p & 1) == 0) continue;
        can = can && o.next[p] < per_partition;
        if (has(Defect::looks_before_locks) && stale(s, i, p)) o.stale |= static_cast<u8>(1U << p);
      }
      if (!can) continue;
      o.phase = MarksState::Phase::handled;
      o.batch = batch;
      const std::string where = batch == 3 ? "both partitions" : "partition " + std::to_string(batch - 1);
      out.add(next, [&] { return who + " handles the next record of " + where; });
    }
  }

  // Locks the next mark in order; with all of them compares, and settles or rolls back.
  void lock_or_settle(const State& s, u8 i, const std::string& who, Steps<State>& out) const {
    const auto& o = s.owners[i];
    for (u8 k = 0; k < partitions; ++k) {
      const u8 p = has(Defect::unsorted) && i == 1 ? static_cast<u8>(partitions - 1 - k) : k;
      if ((o.batch >> p & 1) == 0 || (o.locked >> p & 1) != 0) continue;
      if (locked(s, p)) return;  // waits
      State next = s;
      next.owners[i].locked |= static_cast<u8>(1U << p);
      return out.add(next, [&] { return who + " locks the mark of partition " + std::to_string(p); });
    }
    u8 stale_ones = o.stale;
    for (u8 p = 0; p < partitions && !has(Defect::looks_before_locks); ++p) {
      if ((o.batch >> p & 1) != 0 && stale(s, i, p)) stale_ones |= static_cast<u8>(1U << p);
    }
    State next = s;
    auto& mine = next.owners[i];
    if (stale_ones != 0 && !has(Defect::settles_the_stale)) {
      finish(mine);
      mine.knows &= static_cast<u8>(~stale_ones);
      return out.add(next, [&] { return who + " finds a stale mark and rolls all of it back"; });
    }
    commit(next, i);
    for (u8 p = 0; p < partitions; ++p) {
      if ((o.batch >> p & 1) != 0) ++mine.next[p];
    }
    finish(mine);
    out.add(next, [&] { return who + " COMMITs"; });
    if (s.losts > 0) {
      State lost = s;
      lost.owners[i].phase = MarksState::Phase::doubt;
      --lost.losts;
      out.fault(lost, [&] { return who + " sends COMMIT and loses the connection"; });
    }
  }

  static void commit(State& s, u8 i) {
    const auto& o = s.owners[i];
    for (u8 p = 0; p < partitions; ++p) {
      if ((o.batch >> p & 1) == 0) continue;
      ++s.effects[static_cast<std::size_t>(p * per_partition + o.next[p])];
      s.marks[p].next = static_cast<u8>(o.next[p] + 1);
    }
  }

  static void finish(MarksState::Owner& o) {
    o.phase = MarksState::Phase::ready;
    o.batch = o.locked = o.stale = 0;
  }

  const u8 crashes_, losts_;
  const std::set<Defect> defects_;
};

}  // namespace

TEST_CASE("several marks in one transaction: sorted locks, all or nothing, step 0 for the stale one") {
  require_sound("no fault", MarksModel(0, 0));
  require_sound("crash, lost COMMIT reply", MarksModel(1, 1));
}

TEST_CASE("several marks: committing past a stale mark gives a second effect") {
  require_found("past it", MarksModel(0, 0, {Defect::settles_the_stale}), "a record has two effects");
}

TEST_CASE("several marks: comparing before locking gives a second effect") {
  require_found("before", MarksModel(0, 0, {Defect::looks_before_locks}), "a record has two effects");
}

TEST_CASE("several marks: unsorted locks wait for each other until the database ends one") {
  require_found("unsorted", MarksModel(0, 0, {Defect::unsorted}), "no good end can be reached any more");
}
