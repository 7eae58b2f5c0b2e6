// The real Pipeline and Settlement under a seeded scheduler that fails them at every call; then all is let settle, and one oracle asked: every
// event has exactly one effect or exactly one valid dead letter.
#include <map>
#include <set>

#include "core/topic_names.h"
#include "interleave/hosts.h"
#include "interleave/seeds.h"
#include "interleave/stores.h"
#include "support/catch.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

constexpr std::size_t steps_of_trouble = 700, most_steps = 60'000;
const Events events = {{"a", "b", "c", "a", "d", "e", "f", "b", "g"}, {"h", "c", "i", "j", "d", "k", "h"}};

// Steps for which each origin has a letter.
std::map<Origin, std::set<std::int64_t>> letters(const World& world, const core::HandlerConfig& config) {
  std::map<Origin, std::set<std::int64_t>> out;
  const auto log = world.broker.logs.find({core::dead_letter_topic(config, Hosts::topic).value(), {0}});
  if (log == world.broker.logs.end()) return out;
  for (const auto& letter : log->second) {
    const auto number = [&](std::string_view header) { return std::stoll(std::string(letter.header(header))); };
    out[{static_cast<std::int32_t>(number(core::header::origin_partition)), number(core::header::origin_offset)}].insert(number(core::header::step));
  }
  return out;
}

// Every identity has one effect or one valid dead letter. Empty: so it is.
std::string complaint(const Outcome& o, const std::map<Origin, std::set<std::int64_t>>& letters, core::Idempotency idempotency) {
  std::map<std::string, int> dead, records;
  for (std::int32_t p = 0; p < 2; ++p) {
    for (std::size_t i = 0; i < events[static_cast<std::size_t>(p)].size(); ++i) {
      const auto& id = events[static_cast<std::size_t>(p)][i];
      ++records[id];
      const auto row = o.dead.find({p, static_cast<std::int64_t>(i)});
      if (row == o.dead.end()) continue;
      ++dead[id];
      const auto letter = letters.find(row->first);
      const bool valid = row->second.keeps_record || (letter != letters.end() && letter->second.contains(row->second.step));
      if (!valid) return "event " + id + " is dead without a letter";
    }
  }
  if (!o.waiting.empty()) return std::to_string(o.waiting.size()) + " records wait for copies that never come";
  for (const auto& [id, count] : records) {
    const auto effects = o.effects.contains(id) ? o.effects.at(id) : 0;
    const int expected = idempotency == core::Idempotency::event_id ? 1 : count;  // in offset mode twins are records of their own
    if (effects + dead[id] != expected) {
      return "event " + id + " has " + std::to_string(effects) + " effects and " + std::to_string(dead[id]) + " dead letters";
    }
    if (idempotency != core::Idempotency::event_id) continue;
    const std::string state = o.ids.contains(id) ? o.ids.at(id) : "none";
    if (state != (effects == 1 ? "done" : "dead")) return "the id of event " + id + " is " + state;
  }
  return "";
}

// What holds at every moment: asked between two steps, when everybody rests.
class Watch {
 public:
  Watch(World& world, const Hosts& hosts, Store& store) : world_(world), hosts_(hosts), store_(store) {}

  // False: something is wrong, and the world has been told.
  bool look() {
    const auto committed = hosts_.committed();
    ++looks_;
    if (committed != committed_ || looks_ % 10 == 0) look_at_offsets(committed);
    if (looks_ % 100 == 0) look_for_copies();  // a copy that is lost stays lost
    return world_.wrong.empty();
  }

 private:
  // No offset is ahead of what is settled, and nothing that is settled ever ceases to be.
  void look_at_offsets(const std::vector<std::int64_t>& committed) {
    committed_ = committed;
    marks_.resize(committed.size(), -1);
    for (std::size_t p = 0; p < committed.size(); ++p) {
      const auto mark = store_.mark(static_cast<std::int32_t>(p)).next.value;
      const std::string where = "partition " + std::to_string(p);
      if (committed[p] > mark) world_.complain(where + ": the offset " + std::to_string(committed[p]) + " is committed, settled is all below " + std::to_string(mark));
      if (mark < marks_[p]) world_.complain(where + ": the mark goes back from " + std::to_string(marks_[p]) + " to " + std::to_string(mark));
      marks_[p] = mark;
    }
  }
  void look_for_copies() {
    for (const auto& [origin, step] : store_.outcome().waiting) {
      if (hosts_.copy_is_ahead(origin.first, origin.second, step)) continue;
      world_.complain("record " + std::to_string(origin.first) + "/" + std::to_string(origin.second) + " waits for a copy that never comes");
    }
  }

  World& world_;
  const Hosts& hosts_;
  Store& store_;
  std::vector<std::int64_t> committed_, marks_;  // as of the last look
  std::size_t looks_ = 0;
};

void run(std::uint64_t seed, const Setup& setup) {
  World world(seed);
  const auto store = setup.one_writer ? make_sqlite_store() : make_row_store(world, events);
  Hosts hosts(world, setup, store->ledger(), [&](std::int32_t partition) { return store->mark(partition); });
  hosts.fill(events);
  hosts.start();
  Watch watch(world, hosts, *store);
  bool alive = true;
  for (std::size_t i = 0; i < steps_of_trouble && alive && watch.look(); ++i) alive = hosts.step();
  hosts.calm_down();
  const auto at_rest = [&] {
    for (std::size_t p = 0; p < events.size(); ++p) {
      if (store->mark(static_cast<std::int32_t>(p)).next.value != static_cast<std::int64_t>(events[p].size())) return false;
    }
    return hosts.retries_read();
  };
  bool rests = false;
  for (std::size_t i = 0; i < most_steps && alive && watch.look() && !rests; ++i) {
    alive = hosts.step();
    rests = i % 20 == 0 && at_rest();
  }
  world.baton.stop();
  const std::string wrong = !world.wrong.empty() ? world.wrong : !alive ? "everybody waits for somebody" : !rests ? "it does not come to rest"
                            : complaint(store->outcome(), letters(world, hosts.config()), setup.idempotency);
  INFO("seed " << seed << ": " << wrong << "\n" << world.story());
  REQUIRE(wrong.empty());
}

// No ledger: each record has one output or one letter, among those that are committed, and the offsets are at the ends.
std::string complaint(const Hosts& hosts, const World& world) {
  std::map<std::string, int> outcomes;
  const auto count = [&](const std::string& topic, const auto& name_of) {
    const auto log = world.broker.logs.find({topic, {0}});
    if (log == world.broker.logs.end()) return;
    for (const auto& record : log->second) ++outcomes[name_of(record)];
  };
  count("out", [](const LogRecord& r) { return r.value.value_or(""); });
  count(core::dead_letter_topic(hosts.config(), Hosts::topic).value(), [](const LogRecord& r) {
    return std::string(r.header(core::header::origin_partition)) + "/" + std::string(r.header(core::header::origin_offset));
  });
  for (std::size_t p = 0; p < events.size(); ++p) {
    for (std::size_t i = 0; i < events[p].size(); ++i) {
      const auto name = std::to_string(p) + "/" + std::to_string(i);
      if (outcomes[name] != 1) return "record " + name + " has " + std::to_string(outcomes[name]) + " outputs and letters";
    }
  }
  return "";
}

void run_without_ledger(std::uint64_t seed) {
  World world(seed);
  const auto unused = make_row_store(world, events);
  Hosts hosts(world, {.idempotency = core::Idempotency::off}, unused->ledger(), [](std::int32_t) { return core::Mark{}; });
  hosts.fill(events);
  hosts.start();
  const std::vector<std::int64_t> ends = {static_cast<std::int64_t>(events[0].size()), static_cast<std::int64_t>(events[1].size())};
  bool alive = true, rests = false;
  for (std::size_t i = 0; i < most_steps && alive && world.wrong.empty() && !rests; ++i) {
    if (i == steps_of_trouble) hosts.calm_down();
    alive = hosts.step();
    rests = i % 20 == 0 && hosts.committed() == ends && hosts.retries_read();
  }
  world.baton.stop();
  const std::string wrong = !world.wrong.empty() ? world.wrong : !alive ? "everybody waits for somebody" : !rests ? "it does not come to rest" : complaint(hosts, world);
  INFO("seed " << seed << ": " << wrong << "\n" << world.story());
  REQUIRE(wrong.empty());
}

void run_seeds(const Setup& setup) {
  for_seeds([&](std::uint64_t seed) { run(seed, setup); });
}

}  // namespace

TEST_CASE("row locks, event ids: each event has one outcome whatever fails, handler outside the transaction") { run_seeds({}); }
TEST_CASE("row locks, event ids: each event has one outcome whatever fails, handler inside the transaction") { run_seeds({.queries = true}); }
TEST_CASE("row locks, offsets: each record has one outcome whatever fails") {
  run_seeds({.idempotency = core::Idempotency::offset});
  run_seeds({.idempotency = core::Idempotency::offset, .queries = true});
}
TEST_CASE("SQLite, event ids: each event has one outcome whatever fails, handler outside the transaction") { run_seeds({.one_writer = true}); }
TEST_CASE("SQLite, event ids: each event has one outcome whatever fails, handler inside the transaction") {
  run_seeds({.queries = true, .one_writer = true});
}
TEST_CASE("SQLite, offsets: each record has one outcome whatever fails") {
  run_seeds({.idempotency = core::Idempotency::offset, .one_writer = true});
}
TEST_CASE("transactions of the brokers: each record has one outcome whatever fails") { for_seeds(run_without_ledger); }
