// A record that ends whichever host handles it: the real suspects and crash journals of two hosts, interleaved like everything else. It must
// cost only itself, and that soon.
#include <algorithm>
#include <filesystem>
#include <set>

#include "core/topic_names.h"
#include "fakes/manual_clock.h"
#include "fakes/scripted_lane.h"
#include "interleave/chaos_ledger.h"
#include "interleave/hosts.h"
#include "interleave/member_source.h"
#include "interleave/seeds.h"
#include "interleave/stores.h"
#include "runtime/crash_journal.h"
#include "runtime/suspects.h"
#include "support/catch.h"
#include "support/temp_dir.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

constexpr std::size_t steps_of_trouble = 500, most_steps = 20'000;
const Events events = {{"a", "b", "killer", "c", "d"}, {"e", "f", "g", "h"}};
const Origin killer = {0, 2};
const std::string members[] = {"host A", "host B"};

// Two hosts with one lane each. Who dies leaves its partitions to the other, and its journal to its next life.
class KillerHosts {
 public:
  KillerHosts(World& world, Store& store, bool one_writer)
      : world_(world),
        store_(store),
        config_(orders_service(core::Idempotency::event_id)),
        ledger_(world, store.ledger(), one_writer),
        publisher_(world),
        clock_(world) {
    for (std::int32_t p = 0; p < static_cast<std::int32_t>(events.size()); ++p) {
      const core::TopicPartition where{std::string(Hosts::topic), {p}};
      sources_.push_back({where});
      fill_log(world_, p, events[static_cast<std::size_t>(p)]);
      world_.broker.move({config_.group, where}, members[0]);
    }
    // What is mapped is the kernel's: unwinding must not touch it any more.
    world_.on_crash = [this](const std::string& member) {
      const auto overwrite = std::filesystem::copy_options::overwrite_existing;
      const auto file = journal(member);
      if (std::filesystem::exists(file)) std::filesystem::copy_file(file, left(member), overwrite);
    };
    for (const auto& member : members) {
      world_.baton.add(member, [this, &member] { lives(member); });
    }
  }

  bool step() {
    if (world_.trouble(world_.troubles.rebalance)) {
      const auto& source = sources_[world_.chance.below(sources_.size())];
      leave(source.where, world_.broker.owners.at({config_.group, source.where}).first);
    }
    ledger_.strike();
    return world_.step() || ledger_.in_doubt();
  }
  void calm_down() {
    world_.calm = true;
    ledger_.decide_doubts();
  }
  [[nodiscard]] const core::HandlerConfig& config() const { return config_; }
  [[nodiscard]] std::uint32_t kills() const { return kills_; }

 private:
  // What an assignment does: the suspects of what was taken over are known before its first record is read.
  struct Assignments final : runtime::MarkOwner {
    Assignments(MarksOf& m, runtime::Suspects& s) : marks(m), suspects(s) {}
    runtime::LedgerResult<core::Mark> take_over(const core::TopicPartition& where,
                                                core::Offset start) override {
      auto mark = marks.take_over(where, start);
      if (!mark) return mark;
      const runtime::TakenPartition taken{where, mark->topic_id, mark->next};
      if (auto loaded = suspects.load(std::span(&taken, 1)); !loaded) return loaded.error();
      return mark;
    }
    MarksOf& marks;
    runtime::Suspects& suspects;
  };

  [[nodiscard]] std::filesystem::path journal(const std::string& member) const {
    return folder_ / member / "crash-journal";
  }
  // The journal as it was at the moment of death.
  [[nodiscard]] std::filesystem::path left(const std::string& member) const {
    return folder_ / member / "crash-journal.left";
  }

  void leave(const core::TopicPartition& where, const std::string& member) {
    world_.broker.move({config_.group, where}, member == members[0] ? members[1] : members[0]);
  }

  void lives(const std::string& member) {
    for (;;) {
      try {
        live(member);
      } catch (const Crash&) {}
      if (std::filesystem::exists(left(member))) std::filesystem::rename(left(member), journal(member));
      for (const auto& source : sources_) {
        if (world_.broker.owners.at({config_.group, source.where}).first == member)
          leave(source.where, member);
      }
    }
  }

  // As the host starts: what the run before died of is told before any group is joined; only then does the journal forget it.
  void live(const std::string& member) {
    const auto mutation = make_mutation([this](std::int32_t p) { return store_.mark(p); }, folder_ / member);
    auto& ledger = mutation->of(ledger_);
    const auto journal = value_of(runtime::CrashJournal::open(folder_ / member));
    const auto died_of = runtime::suspects_of(journal->predecessor());
    while (!died_of.empty() && !ledger.add_suspects(journal->predecessor().run, died_of))
      clock_.wait(core::Millis(50));
    if (!journal->begin()) throw std::runtime_error("the crash journal cannot be begun");

    runtime::LaneProgress progress;
    const auto journal_lane = value_of(journal->add_lane(config_.name, 0, config_.timeout, progress));
    runtime::Suspects suspects(config_, &ledger, nullptr);
    runtime::HandlingGate gate;
    MarksOf marks(ledger);
    Assignments assignments(marks, suspects);
    MemberSource source(world_, config_.group, member, sources_, &assignments, clock_);
    ScriptedLane lane(config_, &ledger);
    lane.handler = [this](const core::Record& record, HandlerCall& call) { return handle(record, call); };
    runtime::PipelineParts parts{config_,
                                 mutation->of(source),
                                 mutation->of(lane),
                                 mutation->of(publisher_),
                                 clock_,
                                 observer_,
                                 &marks,
                                 {}};
    parts.progress = &progress;
    parts.suspects = &suspects;
    parts.gate = &gate;
    parts.journal = journal_lane.get();
    runtime::Pipeline pipeline(parts);
    for (;;) pipeline.run_once(core::Millis(20));
  }

  core::Verdict handle(const core::Record& record, HandlerCall& call) {
    if (record.attempt.value != 1) world_.complain("a death spends an attempt");
    const auto id = id_of(record);
    if (id == "killer") {
      world_.tell("… handles the killer");
      ++kills_;
      world_.crash();
    }
    call.statements.push_back(effect_of(id));
    return core::Verdict::done;
  }

  template <class T>
  static T value_of(core::Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
  }

  World& world_;
  Store& store_;
  const core::HandlerConfig config_;
  ChaosLedger ledger_;
  WorldPublisher publisher_;
  WorldClock clock_;
  CountingObserver observer_;
  TempDir folder_;
  std::vector<MemberSource::Partition> sources_;
  std::uint32_t kills_ = 0;
};

// Why the end is wrong. Empty: it is not.
std::string complaint(const World& world, const KillerHosts& hosts, const Outcome& o) {
  for (const auto& list : events) {
    for (const auto& id : list) {
      const int effects = o.effects.contains(id) ? o.effects.at(id) : 0;
      if (effects != (id == "killer" ? 0 : 1))
        return "event " + id + " has " + std::to_string(effects) + " effects";
    }
  }
  const auto row = o.dead.find(killer);
  if (row == o.dead.end() || o.dead.size() != 1) return "not the killer alone is dead";
  bool valid = row->second.keeps_record;
  const auto log =
      world.broker.logs.find({core::dead_letter_topic(hosts.config(), Hosts::topic).value(), {0}});
  if (log != world.broker.logs.end()) {
    for (const auto& letter : log->second) {
      if (letter.header(core::header::reason) != "crashed" || letter.header(core::header::attempt) != "1")
        return "a letter is not of a crash, or an attempt was spent";
      valid = valid || letter.header(core::header::step) == std::to_string(row->second.step);
    }
  }
  if (!valid) return "the killer is dead without a letter";
  // Who already had it when the last of them was told may die once more.
  const auto limit = hosts.config().max_crashes,
             most = limit + static_cast<std::uint32_t>(std::size(members)) - 1;
  if (hosts.kills() < limit || hosts.kills() > most) {
    return "the killer ended " + std::to_string(hosts.kills()) + " hosts, which should be " +
           std::to_string(limit) + ", " + std::to_string(most) + " at most";
  }
  return "";
}

void run(std::uint64_t seed, bool one_writer) {
  World world(seed);
  const auto store = one_writer ? make_sqlite_store() : make_row_store(world, events);
  KillerHosts hosts(world, *store, one_writer);
  const auto at_rest = [&] {
    for (std::size_t p = 0; p < events.size(); ++p) {
      if (store->mark(static_cast<std::int32_t>(p)).next.value != static_cast<std::int64_t>(events[p].size()))
        return false;
    }
    return true;
  };
  bool alive = true, rests = false;
  for (std::size_t i = 0; i < most_steps && alive && world.wrong.empty() && !rests; ++i) {
    if (i == steps_of_trouble) hosts.calm_down();
    alive = hosts.step();
    rests = i % 20 == 0 && at_rest();
  }
  world.baton.stop();
  const std::string wrong = !world.wrong.empty() ? world.wrong
                            : !alive             ? "everybody waits for somebody"
                            : !rests             ? "it does not come to rest"
                                                 : complaint(world, hosts, store->outcome());
  INFO("seed " << seed << ": " << wrong << "\n" << world.story());
  REQUIRE(wrong.empty());
}

} // namespace

TEST_CASE("row locks: a record that ends its hosts is dead-lettered in time, its neighbours are done") {
  for_seeds([](std::uint64_t seed) { run(seed, false); });
}
TEST_CASE("SQLite: a record that ends its hosts is dead-lettered in time, its neighbours are done") {
  for_seeds([](std::uint64_t seed) { run(seed, true); });
}
