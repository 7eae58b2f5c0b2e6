// The outbox as a model: messages that a handler publishes are rows of the record's transaction, and a relay sends them afterwards.
//
// Rows are keyed by (origin, index), which is the message's id; their place is a number drawn at INSERT. Whoever settles a record holds the mark's
// row when it inserts: the lane by its fence, a retry worker by FOR NO KEY UPDATE. A relay selects what is there, sends it in order, each after
// the report of the one before, and deletes exactly what it has selected: a row that was written anew meanwhile stays.
// One partition and key; the lane settles records 0 and 1, a retry worker record 2. Readers of the topic know messages by their id.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "explorer.h"

namespace hostler::model {

struct OutboxState {
  using u8 = std::uint8_t;
  static constexpr u8 room = 12;
  struct Message {
    u8 id = 0, round = 0;  // round: how often its record was settled; a rewind in offset mode settles again
  };
  struct Row {
    u8 there = 0, place = 0, round = 0;
  };
  enum class Phase : u8 { idle, locked, inserted };
  struct Relay {
    u8 mine = 0;     // its epoch is current
    u8 selected = 0, sent = 0;
    u8 gone = 0;     // deleted before sending (a defect)
    u8 cursor = 0;   // the last place it sent (a defect)
    std::array<Message, 3> batch{};
  };
  std::array<Row, 3> rows{};
  u8 places = 0;
  Phase lane = Phase::idle, worker = Phase::idle;
  u8 next = 0, worker_done = 0;
  std::array<u8, 3> rounds{};                // of each record, committed
  u8 committed = 0;
  std::array<u8, 3> order{};                 // ids by their first commit
  u8 landed = 0;
  std::array<u8, 3> first_landed{};          // ids by their first landing
  std::array<u8, 3> newest_landed{};         // by id: round, from 1
  std::array<Relay, 2> relays{};
  Message late{};
  u8 has_late = 0;
  u8 crashes = 0, lates = 0, rewinds = 0;    // that may still happen
};

struct OutboxScenario {
  enum class Defect : std::uint8_t {
    worker_without_lock,   // a retry worker inserts without holding the mark
    deletes_first,         // the relay deletes before it sends
    does_not_wait,         // … sends on although a report says no
    deletes_by_id,         // … deletes whatever has the id it sent, if its epoch is current
    new_place,             // a row that is there already gets a new place
    cursor,                // … selects what is behind the last place it sent; the worker's record is of another partition
  };
  std::uint8_t crashes = 0, lates = 0, rewinds = 0;
  std::set<Defect> defects{};
};

class OutboxModel {
 public:
  using State = OutboxState;
  explicit OutboxModel(OutboxScenario scenario) : c_(std::move(scenario)) {}

  [[nodiscard]] State initial() const;
  void steps(const State& s, Steps<State>& out) const;
  [[nodiscard]] std::string_view wrong(const State& s) const;
  [[nodiscard]] bool good_end(const State& s) const;

 private:
  using u8 = std::uint8_t;
  [[nodiscard]] bool has(OutboxScenario::Defect d) const { return c_.defects.contains(d); }
  [[nodiscard]] bool locked(const State& s) const;
  void write(const State& s, Steps<State>& out) const;
  void insert(State& s, u8 id) const;
  static void commit(State& s, u8 id);
  void relay(const State& s, u8 me, Steps<State>& out) const;
  static void land(State& s, OutboxState::Message m);
  const OutboxScenario c_;
};

}  // namespace hostler::model
