// The crash journal as a model: a host that dies while a handler runs must find out which record killed it, and send that one to the dead
// letters, not its neighbours.
//
// Before a handler gets records, the host notes them in a file of its own (the journal) and strikes them out when the handler returns. A host
// that starts writes what its journal still holds into the ledger's table of suspects, then empties the journal, then joins the group. A
// suspect is handled alone; one that was alone in `limit` crashes is dead-lettered with the reason `crashed` without being handled.
// Two hosts, two partitions, a lane for each partition in each host. Settling is one step here: the settlement model is about that.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "explorer.h"

namespace hostler::model {

struct CrashState {
  using u8 = std::uint8_t;
  enum class Outcome : u8 { none, done, dead };
  struct Record {
    Outcome outcome = Outcome::none;
    u8 suspect = 0, crashes = 0, last_seen = 0;  // the row in the ledger
    u8 died = 0, died_alone = 0;                 // how often a host really died with it in hand; with it alone
  };
  enum class Phase : u8 { down, started, written, joined };
  struct Host {
    Phase phase = Phase::down;
    std::array<u8, 2> journal{};        // by lane, bit per record in hand; on disk
    u8 stamp = 0;                       // time of the first note, on disk
    std::array<u8, 2> in_hand{};        // by lane
    std::array<u8, 2> handled{};        // by lane: returned by the handler, not settled
  };
  std::array<Record, 3> records{};
  std::array<u8, 2> next{}, owner{};    // by partition; owner from 1, 0: free
  std::array<Host, 2> hosts{};
  u8 clock = 0;                         // one tick per death
  u8 kills = 0;                         // that may still hit an innocent host
};

struct CrashScenario {
  enum class Defect : std::uint8_t {
    counts_in_company,     // a crash counts for every record that was in hand
    not_exclusive,         // a suspect is alone in its batch, and that counts as alone; other lanes go on
    counted_twice,         // the count is raised again if the host dies before its journal is empty
    joins_first,           // suspects are written some time after joining
  };
  std::vector<std::vector<std::uint8_t>> partitions = {{0, 1}, {2}};  // records, in offset order
  std::set<std::uint8_t> deadly = {0};   // may kill whoever handles them, each time anew
  std::uint8_t batch = 2, limit = 2, kills = 0;
  std::set<Defect> defects{};
};

class CrashJournalModel {
 public:
  using State = CrashState;
  explicit CrashJournalModel(CrashScenario scenario) : c_(std::move(scenario)) {}

  [[nodiscard]] State initial() const;
  void steps(const State& s, Steps<State>& out) const;
  [[nodiscard]] std::string_view wrong(const State& s) const;
  [[nodiscard]] bool good_end(const State& s) const;
  [[nodiscard]] State canonical(const State& s) const;  // hosts are interchangeable

 private:
  using u8 = std::uint8_t;
  [[nodiscard]] bool has(CrashScenario::Defect d) const { return c_.defects.contains(d); }
  [[nodiscard]] u8 next_record(const State& s, u8 partition) const { return c_.partitions[partition][s.next[partition]]; }
  [[nodiscard]] bool at_end(const State& s, u8 partition) const { return s.next[partition] == c_.partitions[partition].size(); }
  void start(const State& s, u8 host, Steps<State>& out) const;
  void lane(const State& s, u8 host, u8 lane, Steps<State>& out) const;
  void hand_over(const State& s, u8 host, u8 lane, Steps<State>& out) const;
  [[nodiscard]] State killed(const State& s, u8 host) const;
  const CrashScenario c_;
};

}  // namespace hostler::model
