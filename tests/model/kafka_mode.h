// effects = "kafka" as a model: no ledger; outputs and the source's offset are in one Kafka transaction, and two producers take turns, so that one
// works while the other commits.
//
// A record each per transaction, one source partition, two owners of which one may be a zombie. The broker's side: a log of outputs and a log of
// offsets whose entries are pending until their transaction's marker; EndTxn prepares, the markers follow one by one; InitProducerId raises the
// epoch, aborts what is open and waits for what is prepared; of an offset's entries the one written last counts.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "explorer.h"

namespace hostler::model {

struct KafkaState {
  using u8 = std::uint8_t;
  static constexpr u8 room = 8, transactions = 4;
  enum class Status : u8 { none, pending, committed };
  struct Entry {
    u8 value = 0;  // outputs: the record; offsets: the next one
    u8 tx = 0;
    Status status = Status::none;
  };
  struct Log {
    u8 length = 0;
    std::array<Entry, room> entries{};
  };
  struct Transaction {    // by transactional id
    u8 holder = 0;        // the owner whose epoch is current, from 1
    u8 unmarked = 0;      // prepared to commit; bits: 1 outputs, 2 offsets still to be marked
    u8 late_end = 0;      // a commit request under the current epoch that nobody waits for any more
  };
  enum class Stage : u8 { idle, handled, sending, delivered, offset_sent, offset_acked, committing };
  struct Slot {           // a producer of an owner
    Stage stage = Stage::idle;
    u8 record = 0;
  };
  enum class Phase : u8 { away, joined, first_ready, ready, running };
  struct Owner {
    Phase phase = Phase::away;
    u8 next = 0;
    std::array<Slot, 2> slots{};
  };
  Log outputs{}, offsets{};
  std::array<Transaction, transactions> tx{};
  std::array<Owner, 2> owners{};
  u8 member = 0;          // the owner whose group generation is current, from 1
  u8 crashes = 0, losts = 0, failures = 0, rebalances = 0;  // that may still happen
};

struct KafkaScenario {
  enum class Defect : std::uint8_t {
    outputs_early,         // the second sends its outputs although the first's are not delivered
    offset_early,          // … its offset although the first's is not acknowledged
    commits_early,         // … its commit although the first's is not confirmed
    reads_before_init,     // offsets are read before the producers are initialised
    doubt_goes_on,         // a commit whose reply is lost counts as failed, with the same producer
    rebuilds_one,          // … and only its own producer is built anew
    reads_uncommitted,     // own_ids: offsets are read without waiting for pending ones
    no_generation,         // own_ids: offsets carry no group generation
  };
  bool own_ids = false;    // transactional ids are the owner's, not the partition's
  std::uint8_t records = 3, crashes = 0, losts = 0, failures = 0, rebalances = 1;
  std::set<Defect> defects{};
};

class KafkaModeModel {
 public:
  using State = KafkaState;
  explicit KafkaModeModel(KafkaScenario scenario) : c_(std::move(scenario)) {}

  [[nodiscard]] State initial() const;
  void steps(const State& s, Steps<State>& out) const;
  [[nodiscard]] std::string_view wrong(const State& s) const;
  [[nodiscard]] bool good_end(const State& s) const;

 private:
  using u8 = std::uint8_t;
  [[nodiscard]] bool has(KafkaScenario::Defect d) const { return c_.defects.contains(d); }
  [[nodiscard]] u8 tx_of(u8 owner, u8 slot) const { return static_cast<u8>(c_.own_ids ? owner * 2 + slot : slot); }
  void join(const State& s, u8 me, Steps<State>& out) const;
  void initialise(const State& s, u8 me, u8 slot, KafkaState::Phase then, Steps<State>& out) const;
  void read_offset(const State& s, u8 me, KafkaState::Phase then, Steps<State>& out) const;
  void slot_steps(const State& s, u8 me, u8 slot, Steps<State>& out) const;
  void commit(const State& s, u8 me, u8 slot, Steps<State>& out) const;
  void broker(const State& s, Steps<State>& out) const;
  [[nodiscard]] State without(const State& s, u8 me, KafkaState::Phase phase) const;
  const KafkaScenario c_;
};

}  // namespace hostler::model
