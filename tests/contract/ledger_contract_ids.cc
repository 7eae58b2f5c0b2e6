// Every ledger keeps event ids alike.
#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "contract/ledger_backends.h"

using namespace hostler;
using namespace hostler::testing;

TEST_CASE("an event id is claimed once, whoever asks next") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  {
    auto session = backend->ledger().lease();
    begin(*session);
    CHECK(claim(*session, {"evt-2", "evt-1"}) == std::vector{1, 1});
    commit(*session);
  }
  auto session = backend->ledger().lease();
  begin(*session);
  CHECK(claim(*session, {"evt-3", "evt-1", "evt-0", "evt-2"}) == std::vector{1, 0, 1, 0});
  commit(*session);
  CHECK(backend->id_state("svc", "evt-3") == "done");
  CHECK(backend->event_type("svc", "evt-1") == "order.created");
}

TEST_CASE("ids claimed by a transaction that was rolled back are free again") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto session = backend->ledger().lease();
  begin(*session);
  CHECK(claim(*session, {"a", "b"}) == std::vector{1, 1});
  session->rollback();
  CHECK_FALSE(session->in_transaction());
  CHECK(find(*session, {"a", "b"}) == std::vector{0, 0});
  begin(*session);
  CHECK(claim(*session, {"b", "c"}) == std::vector{1, 1});
  commit(*session);
  CHECK(backend->id_state("svc", "a").empty());
}

TEST_CASE("of twins in one batch the first is claimed") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto session = backend->ledger().lease();
  begin(*session);
  CHECK(claim(*session, {"b", "a", "b", "b", "a", "c"}) == std::vector{1, 1, 0, 0, 0, 1});
  commit(*session);
}

TEST_CASE("each service has its own ids") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto session = backend->ledger().lease();
  begin(*session);
  CHECK(claim(*session, {"a"}, "users") == std::vector{1});
  CHECK(claim(*session, {"a"}, "mails") == std::vector{1});
  commit(*session);
  CHECK(find(*session, {"a"}, "billing") == std::vector{0});
}

TEST_CASE("a look without a transaction sees what is committed, and nothing else") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto writer = backend->ledger().lease();
  auto reader = backend->ledger().lease();
  begin(*writer);
  claim(*writer, {"a", "b"});
  CHECK(find(*reader, {"a", "x", "b", "a"}) == std::vector{0, 0, 0, 0});
  CHECK(find(*writer, {"a", "x"}) == std::vector{1, 0});
  commit(*writer);
  CHECK(find(*reader, {"a", "x", "b", "a"}) == std::vector{1, 0, 1, 1});
  CHECK_FALSE(reader->in_transaction());
}

TEST_CASE("hostile ids are just ids") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  const std::vector<std::string> hostile = {
      "NULL", "null", "{}", "{a,b}", "a,b", "\"", "\"\"", "\\", "\\\\", "\\\"", "a\\", "'; DROP TABLE processed_events; --", "$1", ":id", "%s", " leading", "trailing ",
      "\t", "line\nbreak", "\r", "", "Äpfel", "\xF0\x9F\xA6\x84", "\xEF\xBF\xBF", "\x01", "\x7F", "a''b", "(1,2)", "[1:2]", "E'\\x00'", "\\x00", std::string(255, 'x'),
      std::string(255, '"'), std::string(255, '\\')};
  auto session = backend->ledger().lease();
  begin(*session);
  CHECK(claim(*session, hostile) == std::vector<int>(hostile.size(), 1));
  commit(*session);
  CHECK(find(*session, hostile) == std::vector<int>(hostile.size(), 1));
  begin(*session);
  CHECK(claim(*session, hostile) == std::vector<int>(hostile.size(), 0));
  session->rollback();
}

TEST_CASE("a batch of no ids is fine") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto session = backend->ledger().lease();
  begin(*session);
  CHECK(claim(*session, {}).empty());
  CHECK(find(*session, {}).empty());
  CHECK(session->set_id_states("svc", {}, runtime::RowState::dead).ok());
  commit(*session);
}

TEST_CASE("ids take the state of their record, and go back to done") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto session = backend->ledger().lease();
  begin(*session);
  claim(*session, {"a", "b", "c", "d"});
  const std::vector<std::string_view> retried{"c", "a"}, dead{"d"}, done{"a"};
  CHECK(session->set_id_states("svc", retried, runtime::RowState::retry).ok());
  CHECK(session->set_id_states("svc", dead, runtime::RowState::dead).ok());
  commit(*session);
  CHECK(backend->id_state("svc", "a") == "retry");
  CHECK(backend->id_state("svc", "b") == "done");
  CHECK(backend->id_state("svc", "c") == "retry");
  CHECK(backend->id_state("svc", "d") == "dead");
  begin(*session);
  CHECK(session->set_id_states("svc", done, runtime::RowState::done).ok());
  CHECK(session->set_id_states("svc", retried, runtime::RowState::parked).ok());
  CHECK(session->set_id_states("svc", done, runtime::RowState::done).ok());
  commit(*session);
  CHECK(backend->id_state("svc", "a") == "done");
  CHECK(backend->id_state("svc", "c") == "parked");
}

TEST_CASE("an event type that the table cannot hold is made to fit") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  const std::string huge(1000, 'x');
  std::string umlauts;
  while (umlauts.size() < 300) umlauts += "ä";
  const std::vector<runtime::IdRow> rows{{"huge", huge, "orders", {0}, {1}}, {"umlauts", umlauts, "orders", {0}, {2}}, {"none", "", "orders", {0}, {3}},
                                         {"quoted", "a\"b\\c,{}", "orders", {0}, {4}}};
  std::vector<std::uint8_t> claimed(rows.size());
  auto session = backend->ledger().lease();
  begin(*session);
  REQUIRE(session->claim_ids("svc", rows, claimed).ok());
  commit(*session);
  CHECK(backend->event_type("svc", "huge") == std::string(255, 'x'));
  CHECK(backend->event_type("svc", "quoted") == "a\"b\\c,{}");
  const auto kept = backend->event_type("svc", "umlauts");
  CHECK(kept.size() <= 255);
  CHECK(kept.size() >= 254);
}

TEST_CASE("claims need a transaction") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto session = backend->ledger().lease();
  const IdRows rows({"a"});
  std::vector<std::uint8_t> claimed(1);
  CHECK_FALSE(session->claim_ids("svc", rows, claimed).ok());
  CHECK(find(*session, {"a"}) == std::vector{0});
}

TEST_CASE("overlapping batches do not deadlock, and each id is claimed by exactly one of them") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  constexpr int rounds = 200, per_batch = 40;
  std::atomic<int> claims{0}, failures{0};
  const auto work = [&](unsigned seed) {
    std::mt19937 random(seed);
    auto session = backend->ledger().lease();
    for (int round = 0; round < rounds; ++round) {
      std::vector<std::string> ids;
      for (int i = 0; i < per_batch; ++i) ids.push_back("evt-" + std::to_string(round) + "-" + std::to_string(i));
      std::shuffle(ids.begin(), ids.end(), random);
      const IdRows rows(ids);
      std::vector<std::uint8_t> claimed(ids.size());
      runtime::LedgerError why;
      if (!session->begin() || !session->claim_ids("svc", rows, claimed) || session->commit(&why) != runtime::CommitOutcome::committed) {
        ++failures;
        session->rollback();
        continue;
      }
      claims += static_cast<int>(std::count(claimed.begin(), claimed.end(), 1));
    }
  };
  std::thread one(work, 1), two(work, 2);
  one.join();
  two.join();
  CHECK(failures == 0);
  CHECK(claims == rounds * per_batch);
}
