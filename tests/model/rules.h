// What the processes of the settlement model share: the decisions of core/, who holds which lock, and what a COMMIT makes true.
#pragma once

#include <string>
#include <vector>

#include "core/admission.h"
#include "core/disposition.h"
#include "explorer.h"
#include "world.h"

namespace hostler::model {

// What core::route makes of a handled record.
struct Decision {
  core::Outcome outcome = core::Outcome::done;
  u8 step = 0, attempt = 0, tier = 0;
};

class Rules {
 public:
  explicit Rules(Scenario scenario);

  [[nodiscard]] const Scenario& scenario() const { return scenario_; }
  // Origins of a partition, by offset.
  [[nodiscard]] const std::vector<u8>& records_of(u8 partition) const { return partitions_[partition]; }
  [[nodiscard]] u8 partition_of(u8 origin) const { return scenario_.records[origin].partition; }
  [[nodiscard]] u8 event_of(u8 origin) const { return scenario_.records[origin].event; }
  [[nodiscard]] u8 origin_in(u8 owner, const Owner& o, u8 index) const { return partitions_[scenario_.owners[owner]][o.next + index]; }
  [[nodiscard]] u8 most_attempts() const { return static_cast<u8>(1 + scenario_.retries); }

  // Where the topic is made anew: the old one is gone, or the new one not there yet.
  [[nodiscard]] bool deleted(const State& s, u8 partition) const { return scenario_.faults.recreate > 0 && partition != s.gone; }

  // -- decisions of core/ --
  [[nodiscard]] const Decision& decide(u8 attempt, u8 step, Fate fate) const { return decisions_[attempt][step][static_cast<u8>(fate)]; }
  // The copy or letter that has to be published; to nowhere if there is none.
  [[nodiscard]] Message message(u8 origin, const Decision& decision) const;
  [[nodiscard]] Message message_of(const State& s, u8 owner, u8 index) const;
  [[nodiscard]] Message message_of(const Worker& w, u8 index) const;
  // core::admit_copy, unless a defect says otherwise.
  [[nodiscard]] core::CopyAdmission admit(const State& s, Copy copy, const Row& row) const;

  // -- locks --
  [[nodiscard]] static bool holds_transaction(const Owner& o);
  [[nodiscard]] static bool holds_transaction(const Worker& w);
  // SQLite: nobody else is in a transaction. True where there may be many writers.
  [[nodiscard]] bool writer_free(const State& s) const;
  [[nodiscard]] bool mark_locked(const State& s, u8 partition) const;   // by anybody
  [[nodiscard]] bool id_claimed(const State& s, u8 event) const;        // by anybody, uncommitted
  [[nodiscard]] bool row_locked(const State& s, u8 origin) const;       // by anybody

  // -- what becomes true --
  void commit(State& s, u8 owner) const;
  void commit(State& s, const Worker& w) const;
  static void land(State& s, const Message& message);  // precondition: not full
  [[nodiscard]] static bool full(const State& s, const Message& message);
  void commit_offset(State& s, const Worker& w) const;
  // Cuts off what no fault can bring back.
  void trim(State& s, u8 tier) const;

 private:
  static bool names(const Row& row, Copy copy);
  void settle(State& s, u8 origin, const Decision& d) const;
  const Scenario scenario_;
  std::array<std::array<std::array<Decision, 4>, max_step + 1>, max_attempt + 1> decisions_{};  // all there are, asked once
  std::vector<std::vector<u8>> partitions_;
};

// Steps of each kind of process, and of the world around them.
void owner_steps(const Rules& rules, const State& s, u8 owner, Steps<State>& out);
void worker_steps(const Rules& rules, const State& s, u8 worker, Steps<State>& out);
void world_steps(const Rules& rules, const State& s, Steps<State>& out);

// -- words --
[[nodiscard]] std::string owner_name(u8 owner);
[[nodiscard]] std::string worker_name(u8 worker);
[[nodiscard]] std::string record_name(u8 origin);
[[nodiscard]] std::string to_text(Copy copy);
[[nodiscard]] std::string to_text(const Message& message);
[[nodiscard]] std::string to_text(Fate fate);

// Calls `with(fates)` for every combination of verdicts of the `count` records that are not duplicates.
template <class With>
void for_each_verdict(std::array<Fate, max_batch> fates, u8 count, bool rejects, With&& with, u8 index = 0) {
  while (index < count && fates[index] == Fate::duplicate) ++index;
  if (index == count) return with(fates);
  for (const Fate fate : {Fate::done, Fate::retry, Fate::reject}) {
    if (fate == Fate::reject && !rejects) continue;
    fates[index] = fate;
    for_each_verdict(fates, count, rejects, with, static_cast<u8>(index + 1));
  }
}

}  // namespace hostler::model
