// What PostgreSQL's errors mean, asked of a real one.
#include <future>

#include "contract/ledger_backends.h"
#include "store/pg_error.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;
using runtime::LedgerError;
using runtime::SqlStatement;
using Kind = LedgerError::Kind;

namespace {

Kind of_handler(std::string_view state) { return store::kind_of_sqlstate(state, store::Author::handler); }

void run_ok(runtime::LedgerSession& session, std::string_view sql) {
  if (auto failed = session.run(std::vector<SqlStatement>{{sql, {}}})) throw std::runtime_error(failed->error.code + " " + failed->error.message);
}

std::string with_option(const std::string& url, const std::string& option) { return url + "%20-c" + option; }  // the URL ends in options=

}  // namespace

TEST_CASE("sqlstates are sorted by what the host does about them") {
  for (const auto* s : {"22001", "22P02", "23505", "23503", "23P01", "54000"}) CHECK(of_handler(s) == Kind::record);
  for (const auto* s : {"40001", "40P01", "55P03"}) CHECK(of_handler(s) == Kind::again);
  for (const auto* s : {"08000", "08006", "25006", "53100", "53300", "57014", "57P01", "57P03", "58030"}) CHECK(of_handler(s) == Kind::outage);
  for (const auto* s : {"42P01", "42601", "42501", "0A000", "08P01", "P0001", "XX000", "25P02", ""}) CHECK(of_handler(s) == Kind::handler);
  // The ledger's own statements are nobody's poison.
  CHECK(store::kind_of_sqlstate("42P01", store::Author::ledger) == Kind::outage);
  CHECK(store::kind_of_sqlstate("40P01", store::Author::ledger) == Kind::again);
}

TEST_CASE("class 22 messages lose what they quote") {
  const auto error = store::pg_error("22P02", "ERROR:  invalid input syntax for type integer: \"4711 secret\"\nLINE 1: …", store::Author::handler);
  CHECK(error.message == "invalid input syntax for type integer: \"…\"");
}

TEST_CASE("a deadlock is run again") {
  PostgresBackend backend;
  backend.database().exec("CREATE TABLE v (a int PRIMARY KEY); INSERT INTO v VALUES (1), (2)");
  auto one = backend.ledger().lease(), two = backend.ledger().lease();
  begin(*one);
  begin(*two);
  run_ok(*one, "UPDATE v SET a = a WHERE a = 1");
  run_ok(*two, "UPDATE v SET a = a WHERE a = 2");
  auto blocked = std::async(std::launch::async, [&] { return one->run(std::vector<SqlStatement>{{"UPDATE v SET a = a WHERE a = 2", {}}}); });
  auto failed = two->run(std::vector<SqlStatement>{{"UPDATE v SET a = a WHERE a = 1", {}}});
  two->rollback();
  auto other = blocked.get();
  one->rollback();
  REQUIRE((failed.has_value() || other.has_value()));
  CHECK((failed ? *failed : *other).error.kind == Kind::again);
  CHECK((failed ? *failed : *other).error.code == "40P01");
}

TEST_CASE("a lock that is not to be had in time is run again, a statement out of time is an outage") {
  PostgresBackend backend;
  backend.database().exec("CREATE TABLE v (a int)");
  auto ledger = open_migrated(with_option(with_option(backend.url(), "lock_timeout%3D50"), "statement_timeout%3D300"));
  Postgres other(backend.url());
  other.exec("BEGIN; LOCK TABLE v");
  auto session = ledger->lease();
  begin(*session);
  auto failed = session->run(std::vector<SqlStatement>{{"INSERT INTO v VALUES (1)", {}}});
  REQUIRE(failed);
  CHECK(failed->error.kind == Kind::again);
  session->rollback();
  begin(*session);
  failed = session->run(std::vector<SqlStatement>{{"SELECT pg_sleep(5)", {}}});
  REQUIRE(failed);
  CHECK(failed->error.code == "57014");
  CHECK(failed->error.kind == Kind::outage);
}

TEST_CASE("a read-only server is an outage") {
  PostgresBackend backend;
  auto opened = store::open_ledger({with_option(backend.url(), "default_transaction_read_only%3Don"), 4});
  REQUIRE(opened.ok());
  const auto marks = (*opened)->take_over("svc", "c", std::vector<runtime::TakeOver>{{{"orders", {0}}, {0}}});
  REQUIRE_FALSE(marks.ok());
  CHECK(marks.error().code == "25006");
  CHECK(marks.error().kind == Kind::outage);
  auto session = (*opened)->lease();
  begin(*session);
  std::vector<std::uint8_t> claimed(1);
  const auto status = session->claim_ids("svc", IdRows({"a"}), claimed);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().kind == Kind::outage);
}

TEST_CASE("a database without the ledger's tables says what to do") {
  PostgresSchema schema;
  auto opened = store::open_ledger({schema.url(), 2});
  REQUIRE(opened.ok());
  auto session = (*opened)->lease();
  begin(*session);
  std::vector<std::uint8_t> claimed(1);
  auto status = session->claim_ids("svc", IdRows({"a"}), claimed);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().kind == Kind::outage);
  CHECK_THAT(status.error().message, contains("hostler ledger migrate"));
  session->rollback();
  status = session->find_ids("svc", IdRows({"a"}), claimed);
  REQUIRE_FALSE(status.ok());
  CHECK_THAT(status.error().message, contains("hostler ledger migrate"));
}

TEST_CASE("a transaction that idles too long is ended by the server, and nothing of it stays") {
  PostgresSchema schema;
  store::LedgerOptions options;
  options.idle_in_transaction_timeout = 100ms;
  auto ledger = open_migrated(schema.url(), 4, options);
  auto session = ledger->lease();
  begin(*session);
  claim(*session, {"a"});
  std::this_thread::sleep_for(300ms);
  LedgerError why;
  CHECK(session->commit(&why) != runtime::CommitOutcome::committed);
  CHECK(why.kind == Kind::outage);
  begin(*session);
  CHECK(claim(*session, {"a"}) == std::vector{1});
  commit(*session);
}

TEST_CASE("a server that is not there is an outage from the first call, and no message holds the password") {
  auto opened = store::open_ledger({"postgresql://someone:geheim-7@127.0.0.1:1/app", 2});
  REQUIRE(opened.ok());  // a host starts while its database is down
  auto session = (*opened)->lease();
  const auto begun = session->begin();
  REQUIRE_FALSE(begun.ok());
  CHECK(begun.error().kind == Kind::outage);
  CHECK_THAT(begun.error().message, contains("127.0.0.1") && !contains("geheim"));
  CHECK(session->commit(nullptr) == runtime::CommitOutcome::failed);
  std::vector<std::uint8_t> flags(1);
  CHECK_FALSE(session->find_ids("svc", IdRows({"a"}), flags).ok());
  CHECK_FALSE(session->barrier("svc", std::vector<runtime::MarkKey>{{"t", 1, {0}}}).ok());
  CHECK_FALSE((*opened)->take_over("svc", "c", std::vector<runtime::TakeOver>{{{"t", {0}}, {0}}}).ok());
}

TEST_CASE("a serializable default of the role does not change what the ledger does") {
  PostgresBackend backend;
  auto ledger = open_migrated(with_option(backend.url(), "default_transaction_isolation%3Dserializable"));
  auto session = ledger->lease();
  begin(*session);
  std::string level;
  CHECK(session->query({"SHOW transaction_isolation", {}}, true, [&](std::span<const runtime::SqlValue> c) {
    level = c[0].bytes.view();
    return true;
  }).ok());
  CHECK(level == "read committed");
}
