// Every ledger forgets alike: what is old and final, in steps, and nothing else.
#include <future>
#include <thread>

#include "contract/ledger_backends.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;
using runtime::ExpiryPlace;
using runtime::ExpiryRule;
using runtime::RowState;

namespace {

constexpr std::chrono::hours day{24};
const ExpiryRule month{"svc", 30 * day, 40 * day};

struct Pass {
  std::uint64_t ids = 0, delegated = 0;
  int steps = 0;
};

// A whole pass; no step deletes more than `most` rows.
Pass pass(runtime::Ledger& ledger, const std::vector<ExpiryRule>& rules, std::uint32_t most = 1000) {
  Pass out;
  for (std::optional<ExpiryPlace> place = ExpiryPlace{}; place; ++out.steps) {
    if (out.steps == 1000) throw std::runtime_error("a pass that does not end");
    const auto step = ledger.expire(rules, *place, most);
    if (!step) throw std::runtime_error(step.error().code + " " + step.error().message);
    CHECK(step->rows <= most);
    CHECK_FALSE(step->elsewhere);
    (place->table == ExpiryPlace::Table::ids ? out.ids : out.delegated) += step->rows;
    place = step->next;
  }
  return out;
}

void claim_all(runtime::Ledger& ledger, const std::vector<std::string>& ids, std::string_view service = "svc") {
  auto session = ledger.lease();
  begin(*session);
  claim(*session, ids, service);
  commit(*session);
}

void set_state(runtime::Ledger& ledger, std::string_view id, RowState state, std::string_view service = "svc") {
  auto session = ledger.lease();
  begin(*session);
  REQUIRE(session->set_id_states(service, std::vector{id}, state).ok());
  commit(*session);
}

core::Timestamp days_ago(int days) { return std::chrono::floor<core::Millis>(std::chrono::system_clock::now()) - days * day; }

runtime::Delegation row(std::int64_t offset, RowState state, int died, int seen) {
  runtime::Delegation d;
  d.origin = origin(offset);
  d.state = state;
  d.step = {1};
  d.attempt = {2};
  d.due = days_ago(died);
  d.first_seen = days_ago(seen);
  return d;
}

void write(runtime::Ledger& ledger, const std::vector<runtime::Delegation>& rows, std::string_view service = "svc") {
  auto session = ledger.lease();
  begin(*session);
  REQUIRE(session->write_delegated(service, rows).ok());
  commit(*session);
}

// Which of the origins 0, 1, … have a row.
std::vector<int> rows_of(runtime::Ledger& ledger, std::int64_t count, std::string_view service = "svc") {
  std::vector<runtime::OriginKey> keys;
  for (std::int64_t i = 0; i < count; ++i) keys.push_back(origin(i));
  auto session = ledger.lease();
  begin(*session);
  const auto rows = session->lock_delegated(service, keys);
  REQUIRE(rows.ok());
  std::vector<int> there;
  for (const auto& r : *rows) there.push_back(r ? 1 : 0);
  return there;
}

std::vector<std::string> numbered(int count, const std::string& prefix = "evt-") {
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i) ids.push_back(prefix + std::to_string(i));
  return ids;
}

}  // namespace

TEST_CASE("settled ids are forgotten when they are older than their service's rule") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  claim_all(ledger, {"old", "young", "new"});
  claim_all(ledger, {"old", "older"}, "keeps longer");
  claim_all(ledger, {"old"}, "without a rule");
  backend->make_older("svc", 31 * day, "old");
  backend->make_older("svc", 29 * day, "young");
  backend->make_older("keeps longer", 31 * day, "old");
  backend->make_older("keeps longer", 61 * day, "older");
  backend->make_older("without a rule", 3000 * day);
  const auto done = pass(ledger, {month, {"keeps longer", 60 * day, 60 * day}, {"nobody", day, day}});
  CHECK(done.ids == 2);
  CHECK(done.delegated == 0);
  CHECK(backend->id_state("svc", "old").empty());
  CHECK(backend->id_state("svc", "young") == "done");
  CHECK(backend->id_state("svc", "new") == "done");
  CHECK(backend->id_state("keeps longer", "old") == "done");
  CHECK(backend->id_state("keeps longer", "older").empty());
  CHECK(backend->id_state("without a rule", "old") == "done");
  CHECK(pass(ledger, {month}).ids == 0);
}

TEST_CASE("what waits for a retry or is parked is never forgotten, however old") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  take_over(ledger);
  claim_all(ledger, {"retry", "parked"});
  set_state(ledger, "retry", RowState::retry);
  set_state(ledger, "parked", RowState::parked);
  backend->make_older("svc", 3000 * day);
  write(ledger, {row(0, RowState::retry, 3000, 3000), row(1, RowState::parked, 3000, 3000)});
  const auto done = pass(ledger, {{"svc", core::Millis{1}, core::Millis{1}}});
  CHECK(done.ids + done.delegated == 0);
  CHECK(backend->id_state("svc", "retry") == "retry");
  CHECK(backend->id_state("svc", "parked") == "parked");
  CHECK(rows_of(ledger, 2) == std::vector{1, 1});
}

TEST_CASE("rows of dead records go by the day they died, or were first seen where that is not known") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  auto unknown = row(3, RowState::dead, 0, 39), unknown_old = row(4, RowState::dead, 0, 41);
  unknown.due = unknown_old.due = core::Timestamp{};
  auto stored = row(5, RowState::dead, 41, 50);
  stored.stored_record = std::string(20'000, 'x');
  write(ledger, {row(0, RowState::dead, 41, 50), row(1, RowState::dead, 39, 50), row(2, RowState::retry, 41, 50), unknown, unknown_old, stored});
  write(ledger, {row(0, RowState::dead, 41, 50)}, "without a rule");
  CHECK(pass(ledger, {month}).delegated == 3);
  CHECK(rows_of(ledger, 6) == std::vector{0, 1, 1, 1, 0, 0});
  CHECK(rows_of(ledger, 1, "without a rule") == std::vector{1});
}

TEST_CASE("a dead id keeps twins out as long as its record may be replayed") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  take_over(ledger);
  claim_all(ledger, {"offset-0", "offset-1", "offset-2"});  // the origins of IdRows
  for (const auto* id : {"offset-0", "offset-1", "offset-2"}) set_state(ledger, id, RowState::dead);
  backend->make_older("svc", 50 * day);
  // Replayed and dead again; waiting for its replay; long gone.
  write(ledger, {row(0, RowState::dead, 20, 50), row(1, RowState::retry, 50, 50), row(2, RowState::dead, 45, 50)});
  CHECK(pass(ledger, {month}).ids == 1);
  CHECK(backend->id_state("svc", "offset-0") == "dead");
  CHECK(backend->id_state("svc", "offset-1") == "dead");
  CHECK(backend->id_state("svc", "offset-2").empty());
  CHECK(pass(ledger, {{"svc", 30 * day, 10 * day}}).ids == 1);
  CHECK(backend->id_state("svc", "offset-0").empty());
  CHECK(backend->id_state("svc", "offset-1") == "dead");
}

TEST_CASE("a young dead id stays although it has no row") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  claim_all(backend->ledger(), {"a"});
  set_state(backend->ledger(), "a", RowState::dead);
  backend->make_older("svc", 39 * day);  // a settled one would be gone
  CHECK(pass(backend->ledger(), {month}).ids == 0);
  CHECK(backend->id_state("svc", "a") == "dead");
}

TEST_CASE("a record that was settled by a late retry is remembered from then on") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  claim_all(ledger, {"a", "b"});
  for (const auto* id : {"a", "b"}) set_state(ledger, id, RowState::retry);
  backend->make_older("svc", 300 * day);
  set_state(ledger, "a", RowState::done);
  CHECK(pass(ledger, {month}).ids == 0);
  CHECK(backend->id_state("svc", "a") == "done");
  backend->make_older("svc", 31 * day);
  CHECK(pass(ledger, {month}).ids == 1);
  CHECK(backend->id_state("svc", "a").empty());
  CHECK(backend->id_state("svc", "b") == "retry");
}

TEST_CASE("steps are small, a pass goes on where the last one ended, and one begun anew finds the rest") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  constexpr int others = 10'000, count = 4'000;  // more than one step looks at lies before the first that is old
  for (int i = 0; i < others / 2000; ++i) claim_all(ledger, numbered(2000, "evt-" + std::to_string(i) + "-"), "other");
  for (int i = 0; i < count / 2000; ++i) claim_all(ledger, numbered(2000, "evt-" + std::to_string(i) + "-"));
  backend->make_older("svc", 31 * day);
  claim_all(ledger, numbered(500, "young-"));

  const std::vector rules{month};
  std::uint64_t gone = 0;
  std::optional<ExpiryPlace> place = ExpiryPlace{};
  for (int steps = 0; gone < 1'000; ++steps) {
    REQUIRE(steps < 100);
    REQUIRE(place);
    const auto step = ledger.expire(rules, *place, 300);
    REQUIRE(step.ok());
    CHECK(step->rows <= 300);
    gone += step->rows;
    place = step->next;
  }
  CHECK(gone < 1'300);
  CHECK(backend->id_count("svc") == count + 500 - gone);
  const auto rest = pass(ledger, rules, 300);  // as after a restart
  CHECK(rest.ids == count - gone);
  CHECK(rest.steps >= static_cast<int>((count - gone) / 300));
  CHECK(backend->id_count("svc") == 500);
  CHECK(backend->id_count("other") == others);
}

TEST_CASE("a pass without anything old leaves the writer of SQLite alone") {
  SqliteBackend backend;
  claim_all(backend.ledger(), {"young"});
  auto writer = backend.ledger().lease();
  begin(*writer);
  auto expiring = std::async(std::launch::async, [&] { return pass(backend.ledger(), {month}); });
  const bool ended = expiring.wait_for(10s) == std::future_status::ready;
  writer->rollback();
  CHECK(ended);
  CHECK(expiring.get().ids == 0);
}

TEST_CASE("on PostgreSQL a row that somebody holds is left for the next pass") {
  PostgresBackend backend;
  auto& ledger = backend.ledger();
  write(ledger, {row(0, RowState::dead, 50, 50), row(1, RowState::dead, 50, 50)});
  {
    auto replay = ledger.lease();
    begin(*replay);
    REQUIRE(replay->lock_delegated("svc", std::vector{origin(0)}).ok());
    auto expiring = std::async(std::launch::async, [&] { return pass(ledger, {month}); });
    const bool ended = expiring.wait_for(10s) == std::future_status::ready;
    replay->rollback();
    CHECK(ended);
    CHECK(expiring.get().delegated == 1);
  }
  CHECK(rows_of(ledger, 2) == std::vector{1, 0});
  CHECK(pass(ledger, {month}).delegated == 1);
}

TEST_CASE("on PostgreSQL a host leaves the step to another one that does just the same") {
  PostgresBackend backend;
  const auto other_host = open_migrated(backend.url());
  auto& database = backend.database();
  claim_all(backend.ledger(), {"a"});
  database.exec("BEGIN; LOCK TABLE processed_events IN SHARE MODE");
  const ExpiryPlace ids{ExpiryPlace::Table::ids, 0};
  auto first = std::async(std::launch::async, [&] { return backend.ledger().expire(std::vector<ExpiryRule>{month, {"b", day, day}}, ids, 10); });
  REQUIRE(eventually(10s, [&] { return database.number("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'processed_events'::regclass") == 1; }));
  const auto second = other_host->expire(std::vector<ExpiryRule>{{"b", 2 * day, day}, month}, ids, 10);
  auto third = std::async(std::launch::async, [&] { return other_host->expire(std::vector{month}, ids, 10); });
  CHECK(eventually(10s, [&] { return database.number("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'processed_events'::regclass") == 2; }));
  database.exec("COMMIT");
  REQUIRE(second.ok());
  CHECK(second->elsewhere);
  CHECK_FALSE(second->next);
  CHECK_FALSE(first.get()->elsewhere);
  CHECK_FALSE(third.get()->elsewhere);  // not the same services: it works by itself
}

TEST_CASE("hosts that forget while records are claimed neither fail nor delete a row twice") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  claim_all(ledger, numbered(3000));
  backend->make_older("svc", 31 * day);
  const auto walk = [&](const std::string& other) { return pass(ledger, {month, {other, day, day}}, 100).ids; };
  auto one = std::async(std::launch::async, walk, "host-1");
  auto two = std::async(std::launch::async, walk, "host-2");
  for (int i = 0; i < 30; ++i) claim_all(ledger, numbered(20, "new-" + std::to_string(i) + "-"));
  std::uint64_t gone = one.get() + two.get();
  gone += pass(ledger, {month}).ids;  // what one saw locked by the other, which then was done with it
  CHECK(gone == 3000);
  CHECK(backend->id_count("svc") == 600);
}
