// The world that the actors share: chance, the baton, Kafka in memory, and what may go wrong. Everything here is touched by whoever holds the
// baton; nothing needs a lock.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/headers.h"
#include "core/types.h"
#include "interleave/baton.h"
#include "runtime/clock.h"
#include "runtime/ledger.h"
#include "runtime/publisher.h"

namespace hostler::testing {

// Thrown out of any call to the outside: the process is gone, with all it knew.
struct Crash {};

// How often each thing goes wrong, in percent of the calls it can hit.
struct Troubles {
  double crash = 1, pause = 0.3, kill_session = 1, again = 1, outage = 0.5, lost_reply = 4, publish_fails = 6, publish_too_large = 1, rebalance = 1.5;
};

struct LogRecord {
  std::optional<std::string> key, value;
  std::vector<core::OwnedHeader> headers;
  core::Timestamp stamp{};  // when its producer sent it

  [[nodiscard]] std::string_view header(std::string_view name) const;  // empty if there is none
};

// A record as the broker keeps it.
[[nodiscard]] LogRecord kept(const runtime::OutRecord& record, core::Timestamp now);

// Topics, groups and what is still under way.
struct Broker {
  using Assigned = std::pair<std::string, core::TopicPartition>;  // group, partition
  struct Late {
    core::TopicPartition where;
    LogRecord record;
  };
  // What a transaction makes true.
  struct Transacted {
    std::vector<Late> records{};
    std::optional<core::Offset> next{};  // the group's offset of the partition that the id is named after
  };
  struct TransactionalId {
    std::uint64_t epoch = 0;             // of its holder; older ones are fenced
    std::optional<Transacted> doubt{};   // a commit that has begun
  };
  std::map<core::TopicPartition, std::vector<LogRecord>> logs;
  std::map<Assigned, TransactionalId> transactional;
  std::map<Assigned, core::Offset> committed;
  std::map<Assigned, std::pair<std::string, std::uint64_t>> owners;  // member and generation
  std::deque<Late> late;

  void move(const Assigned& what, const std::string& member) {
    auto& owner = owners[what];
    owner = {member, owner.second + 1};
  }
};

class World {
 public:
  explicit World(std::uint64_t seed) : chance(seed), baton(chance) {}

  // A place where the calling actor rests and others go on, for seconds if the worst comes, and where it may die. `what` goes into the story,
  // unless it is empty.
  void point(const std::string& what);
  // One actor's turn; time passes. False: nobody can go on. [test's thread]
  bool step();
  // True in `percent` of all cases while trouble is allowed.
  bool trouble(double percent) { return !calm && chance.in(percent); }
  void tell(const std::string& what);
  // Something that must never be; the first is kept.
  void complain(const std::string& what);
  // The calling actor's process dies here.
  [[noreturn]] void crash();
  [[nodiscard]] core::Timestamp now() const { return core::from_epoch_ms(1'800'000'000'000) + passed; }
  // The last lines of what happened.
  [[nodiscard]] std::string story() const;

  Chance chance;
  Baton baton;
  Broker broker;
  Troubles troubles;
  bool calm = false;             // nothing goes wrong any more
  core::Millis passed{0};
  std::size_t crashes = 0;
  std::string wrong;             // what was complained of; empty: nothing
  std::function<void(const std::string& actor)> on_crash;  // what is on disk at this moment stays as it is

 private:
  core::Millis last_wakes_{0};
  std::deque<std::string> story_;
};

// Time flies: whoever waits lets everybody else on.
class WorldClock final : public runtime::Clock {
 public:
  explicit WorldClock(World& world) : world_(world) {}
  [[nodiscard]] core::Timestamp now() const override { return world_.now(); }
  [[nodiscard]] core::SteadyTime steady() const override { return core::SteadyTime(world_.passed); }
  void wait(core::Millis time) override {
    world_.passed += time * 20;
    world_.point("");
  }

 private:
  World& world_;
};

// Records arrive, fail, or fail and arrive later; the process may die between two of them.
class WorldPublisher final : public runtime::Publisher {
 public:
  explicit WorldPublisher(World& world) : world_(world) {}
  std::vector<runtime::PublishFailure> publish(std::span<const runtime::OutRecord> records) override;

 private:
  World& world_;
};

}  // namespace hostler::testing
