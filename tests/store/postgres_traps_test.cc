// The traps of SOCI and libpq on PostgreSQL, each walked into on purpose.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <future>

#include "contract/ledger_backends.h"
#include "support/file.h"
#include "support/tcp_proxy.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;
using runtime::CommitOutcome;
using runtime::LedgerError;
using runtime::SqlStatement;
using Kind = LedgerError::Kind;

namespace {

std::string query_text(runtime::LedgerSession& session, std::string_view sql,
                       const std::vector<runtime::SqlValue>& params = {}) {
  std::string out;
  auto rows = session.query({sql, params}, true, [&](std::span<const runtime::SqlValue> c) {
    out = c[0].type == runtime::SqlType::integer ? std::to_string(c[0].integer)
                                                 : std::string(c[0].bytes.view());
    return true;
  });
  if (!rows) throw std::runtime_error(rows.error().code + " " + rows.error().message);
  return out;
}

std::string backend_pid(runtime::LedgerSession& session) {
  return query_text(session, "SELECT pg_backend_pid()");
}

void kill_backend(PostgresBackend& backend, const std::string& pid) {
  Postgres(backend.url()).exec("SELECT pg_terminate_backend(" + pid + ")");
  REQUIRE(eventually(5s, [&] {
    return backend.database().number("SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid) == 0;
  }));
}

// Every kind of statement, so that all of them are prepared on the connection.
void use_everything(runtime::LedgerSession& session, const std::string& id) {
  find(session, {id});
  begin(session);
  claim(session, {id});
  claim(session, {id, id + "-2"});
  const std::vector<std::string_view> ids{id};
  const std::vector<runtime::OriginKey> origins{origin(1)};
  const std::vector<runtime::MarkKey> marks{{"orders", 1, {0}}};
  runtime::Delegation row;
  row.origin = origins[0];
  REQUIRE(session.set_id_states("svc", ids, runtime::RowState::retry).ok());
  REQUIRE(session.lock_delegated("svc", origins).ok());
  REQUIRE(session.write_delegated("svc", {&row, 1}).ok());
  REQUIRE(session.erase_delegated("svc", origins).ok());
  fence(session, move_of({{0}, 1, 1}, 10));
  REQUIRE_FALSE(session.run(std::vector<SqlStatement>{{"SELECT 1", {}}}));
  commit(session);
  REQUIRE(session.barrier("svc", marks).ok());
}

} // namespace

TEST_CASE("COMMIT of an aborted transaction is a failure, although the database answers it") {
  PostgresBackend backend;
  auto session = backend.ledger().lease();
  begin(*session);
  claim(*session, {"a"});
  CHECK_FALSE(session->query({"SELECT 1/0", {}}, true, nullptr).ok());
  CHECK(session->commit(nullptr) == CommitOutcome::failed);
  CHECK(find(*session, {"a"}) == std::vector{0});
}

TEST_CASE("a statement that is run again sends the new batch, not the first one") {
  PostgresBackend backend;
  auto session = backend.ledger().lease();
  for (int batch = 0; batch < 3; ++batch) {
    begin(*session);
    std::vector<std::string> ids;
    for (int i = 0; i < 50 * (3 - batch); ++i)
      ids.push_back("evt-" + std::to_string(batch) + "-" + std::to_string(i));
    CHECK(claim(*session, ids) == std::vector<int>(ids.size(), 1));
    commit(*session);
  }
  CHECK(backend.database().number("SELECT count(*) FROM processed_events") == 300);
}

TEST_CASE("a killed connection is replaced, prepared statements and all") {
  PostgresBackend backend(1);
  take_over(backend.ledger());
  auto session = backend.ledger().lease();
  use_everything(*session, "one");
  begin(*session);
  const auto pid = backend_pid(*session);
  session->rollback();
  kill_backend(backend, pid);
  use_everything(*session, "two");
  begin(*session);
  CHECK(backend_pid(*session) != pid);
}

TEST_CASE("nothing commits by itself after the connection is lost in a transaction") {
  PostgresBackend backend(1);
  take_over(backend.ledger());
  auto session = backend.ledger().lease();
  begin(*session);
  claim(*session, {"a"});
  kill_backend(backend, backend_pid(*session));
  const IdRows rows({"b"});
  std::vector<std::uint8_t> flags(1);
  const auto lost = session->claim_ids("svc", rows, flags);
  REQUIRE_FALSE(lost.ok());
  CHECK(lost.error().kind == Kind::outage);
  CHECK_FALSE(session->claim_ids("svc", rows, flags).ok());
  CHECK(session->fence("svc", move_of({{0}, 1, 1}, 1)).ok() == false);
  CHECK(session->run(std::vector<SqlStatement>{{"SELECT 1", {}}}).has_value());
  LedgerError why;
  CHECK(session->commit(&why) == CommitOutcome::failed);
  CHECK(why.kind == Kind::outage);
  CHECK(find(*session, {"a", "b"}) == std::vector{0, 0});
}

TEST_CASE("a backend killed while it is idle, in a transaction or in a statement is an outage") {
  PostgresBackend backend(1);
  auto session = backend.ledger().lease();

  begin(*session);
  claim(*session, {"a"});
  kill_backend(backend, backend_pid(*session));
  LedgerError why;
  const auto outcome = session->commit(&why);
  CHECK(outcome != CommitOutcome::committed);
  CHECK(why.kind == Kind::outage);

  begin(*session);
  const auto pid = backend_pid(*session);
  auto killer = std::async(std::launch::async, [&] {
    Postgres other(backend.url());
    REQUIRE(eventually(5s, [&] {
      return other.value("SELECT state FROM pg_stat_activity WHERE pid = " + pid) == "active";
    }));
    other.exec("SELECT pg_terminate_backend(" + pid + ")");
  });
  const auto failed = session->run(std::vector<SqlStatement>{{"SELECT pg_sleep(20)", {}}});
  killer.get();
  REQUIRE(failed);
  CHECK(failed->error.kind == Kind::outage);
  session->rollback();

  begin(*session);
  const auto idle = backend_pid(*session);
  commit(*session);
  kill_backend(backend, idle);
  begin(*session);
  claim(*session, {"b"});
  commit(*session);
}

TEST_CASE("the pool hands out no dead connection") {
  PostgresBackend backend(2);
  std::string first, second;
  {
    auto one = backend.ledger().lease(), two = backend.ledger().lease();
    begin(*one);
    begin(*two);
    first = backend_pid(*one);
    second = backend_pid(*two);
  }
  kill_backend(backend, first);
  kill_backend(backend, second);
  auto one = backend.ledger().lease(), two = backend.ledger().lease();
  for (auto* s : {one.get(), two.get()}) {
    CHECK(find(*s, {"a"}) == std::vector{0});
    begin(*s);
    CHECK(claim(*s, {"a"}) == std::vector{1});
    s->rollback();
  }
}

TEST_CASE("the pool hands out no open transaction") {
  PostgresBackend backend(1);
  std::string pid;
  {
    auto session = backend.ledger().lease();
    begin(*session);
    pid = backend_pid(*session);
    claim(*session, {"a"});
  }
  {
    auto session = backend.ledger().lease();
    begin(*session);
    claim(*session, {"a"});
    CHECK_FALSE(session->query({"SELECT 1/0", {}}, true, nullptr).ok());
  }
  CHECK(backend.database().value("SELECT state FROM pg_stat_activity WHERE pid = " + pid) == "idle");
  auto session = backend.ledger().lease();
  begin(*session);
  CHECK(backend_pid(*session) == pid); // and it is the same connection
}

TEST_CASE("the pool is bounded, and a lease waits for its place") {
  store::LedgerOptions options;
  options.application_name = unique_prefix(); // other tests have connections on this server too
  PostgresBackend backend(2, options);
  auto one = backend.ledger().lease(), two = backend.ledger().lease();
  auto third = std::async(std::launch::async, [&] { return backend.ledger().lease(); });
  CHECK(third.wait_for(100ms) == std::future_status::timeout);
  one.reset();
  auto session = third.get();
  begin(*session);
  CHECK(backend.database().number("SELECT count(*) FROM pg_stat_activity WHERE application_name = '" +
                                  options.application_name + "'") <= 2);
}

TEST_CASE("a lost COMMIT reply is unknown, and the transaction is there") {
  PostgresSchema schema;
  PostgresProxy proxy(postgres_url());
  auto ledger = open_migrated(proxy.url("-csearch_path%3D" + schema.name()));
  const auto mark = take_over(*ledger);
  auto session = ledger->lease();
  begin(*session);
  claim(*session, {"a"});
  REQUIRE(fence(*session, move_of(mark, 1)));
  proxy.lose_reply_to("COMMIT");
  LedgerError why;
  CHECK(session->commit(&why) == CommitOutcome::unknown);
  CHECK(why.kind == Kind::outage);
  CHECK_FALSE(session->in_transaction());
  // The mark on a new session says what happened.
  CHECK(take_over(*ledger).next.value == 1);
  CHECK(find(*session, {"a"}) == std::vector{1});
}

TEST_CASE("a connection cut before COMMIT leaves nothing, whatever COMMIT says") {
  PostgresSchema schema;
  PostgresProxy proxy(postgres_url());
  auto ledger = open_migrated(proxy.url("-csearch_path%3D" + schema.name()));
  auto session = ledger->lease();
  begin(*session);
  claim(*session, {"a"});
  proxy.cut();
  CHECK(session->commit(nullptr) != CommitOutcome::committed);
  REQUIRE(eventually(5s, [&] { return find(*session, {"a"}) == std::vector{0}; }));
  begin(*session);
  CHECK(claim(*session, {"a"}) == std::vector{1});
  commit(*session);
}

TEST_CASE("text with a NUL byte is the record's fault, bytes keep it, nothing is cut") {
  PostgresBackend backend;
  backend.database().exec("CREATE TABLE v (t text, j json, b bytea)");
  auto session = backend.ledger().lease();
  const std::string nul("abc\0def", 7);
  for (const auto* sql : {"INSERT INTO v (t) VALUES ($1)", "INSERT INTO v (j) VALUES ($1)"}) {
    begin(*session);
    const std::vector<runtime::SqlValue> params{text(nul)};
    const std::vector<runtime::SqlValue> fine{text("fine")};
    const auto failed =
        session->run(std::vector<SqlStatement>{{"INSERT INTO v (t) VALUES ($1)", fine}, {sql, params}});
    REQUIRE(failed);
    CHECK(failed->index == 1);
    CHECK(failed->error.kind == Kind::record);
    session->rollback();
  }
  begin(*session);
  const std::vector<runtime::SqlValue> params{blob(nul)};
  CHECK_FALSE(session->run(std::vector<SqlStatement>{{"INSERT INTO v (b) VALUES ($1)", params}}));
  commit(*session);
  CHECK(backend.database().value("SELECT b FROM v") == "\\x61626300646566");

  begin(*session);
  const IdRows rows({nul});
  std::vector<std::uint8_t> claimed(1);
  CHECK_FALSE(session->claim_ids("svc", rows, claimed).ok()); // never as "abc"
  session->rollback();
  CHECK(backend.database().number("SELECT count(*) FROM processed_events") == 0);
}

TEST_CASE("handlers may write what SOCI's parameter syntax would break") {
  PostgresBackend backend;
  auto session = backend.ledger().lease();
  begin(*session);
  CHECK(query_text(*session, "SELECT (array[1,2,3])[1:2]::text || ':name' || $1::text", {text("!")}) ==
        "{1,2}:name!");
  CHECK(query_text(*session, "SELECT ('{\"a\": 1}'::jsonb ? 'a')::int") == "1");
}

TEST_CASE("notices stay off stderr") {
  PostgresBackend backend;
  auto session = backend.ledger().lease();
  begin(*session);
  TempDir folder;
  const auto file = folder.write("stderr", "");
  std::fflush(stderr);
  const int saved = dup(2);
  std::FILE* to = std::freopen(file.c_str(), "w", stderr);
  const auto failed =
      session->run(std::vector<SqlStatement>{{"DO $$ BEGIN RAISE WARNING 'noise'; END $$", {}}});
  session->rollback();
  session->rollback();
  std::fflush(stderr);
  dup2(saved, 2);
  close(saved);
  REQUIRE(to != nullptr);
  CHECK_FALSE(failed);
  CHECK(text_of(file).empty());
}

TEST_CASE("failing transactions leave no prepared statements behind") {
  PostgresBackend backend(1);
  auto session = backend.ledger().lease();
  const auto count = [&] {
    begin(*session);
    auto n = query_text(*session, "SELECT count(*) FROM pg_prepared_statements");
    session->rollback();
    return std::stoi(n);
  };
  const auto fail = [&] {
    begin(*session);
    claim(*session, {"a"});
    CHECK(session->run(std::vector<SqlStatement>{{"SELECT 1", {}}, {"SELECT 1/0", {}}, {"SELECT 2", {}}})
              .has_value());
    session->rollback();
  };
  fail();
  const int before = count();
  for (int i = 0; i < 20; ++i) fail();
  CHECK(count() == before);
}

TEST_CASE("a pipeline larger than every buffer does not block itself") {
  PostgresBackend backend;
  auto session = backend.ledger().lease();
  const std::string big(20'000, 'x');
  const std::vector<runtime::SqlValue> params{text(big)};
  const std::vector<SqlStatement> statements(1500,
                                             {"SELECT repeat($1, 2)", params}); // 30 MB there, 60 MB back
  begin(*session);
  CHECK_FALSE(session->run(statements));
  commit(*session);
}

TEST_CASE("more parameters than the protocol can carry are the statement's fault") {
  PostgresBackend backend;
  auto session = backend.ledger().lease();
  const std::vector<runtime::SqlValue> many(70'000, integer(1));
  for (const auto* sql : {"SELECT 1", "SELECT 2"}) { // prepared before, and not
    begin(*session);
    claim(*session, {"a"});
    const auto failed =
        session->run(std::vector<SqlStatement>{{"SELECT 1", {}}, {sql, many}, {"SELECT 3", {}}});
    REQUIRE(failed);
    CHECK(failed->index == 1);
    CHECK(failed->error.kind == Kind::handler);
    CHECK(session->commit(nullptr) == CommitOutcome::failed);
    CHECK(find(*session, {"a"}) == std::vector{0});
  }
}

TEST_CASE("rows are found by index, however small the tables were when they were first asked for") {
  PostgresBackend backend;
  auto ledger = open_migrated(backend.url(), 1);
  const auto fill = [&](int from, int to) {
    const std::string series =
        " FROM generate_series(" + std::to_string(from) + ", " + std::to_string(to) + ") i";
    backend.database().exec("INSERT INTO processed_events SELECT 'evt-' || i, 'svc', 't', 'orders', 0, i" +
                            series);
    backend.database().exec(
        "INSERT INTO hostler_delegated SELECT 'svc', 'orders', 1, 0, i, 'retry', 1, 2, now(), now()" +
        series);
  };
  std::vector<std::string> ids;
  std::vector<runtime::OriginKey> origins;
  for (int i = 0; i < 500; ++i) {
    ids.push_back("evt-" + std::to_string(i * 1000));
    origins.push_back(origin(i * 1000));
  }
  fill(1, 60);
  backend.database().exec("ANALYZE processed_events, hostler_delegated");
  auto session = ledger->lease();
  const auto ask = [&] {
    find(*session, ids);
    begin(*session);
    CHECK(session->lock_delegated("svc", origins).ok());
    session->rollback();
  };
  for (int i = 0; i < 8; ++i) ask(); // a prepared statement has its plan for good after five
  fill(61, 20'000);
  for (int i = 0; i < 3; ++i) ask();
  session.reset();
  ledger.reset(); // the server counts when the connection ends
  const std::string counts =
      " FROM pg_stat_user_tables WHERE schemaname = current_schema() AND relname IN ('processed_events', "
      "'hostler_delegated')";
  REQUIRE(
      eventually(10s, [&] { return backend.database().number("SELECT min(idx_scan)" + counts) >= 1500; }));
  CHECK(backend.database().number("SELECT max(seq_tup_read)" + counts) < 500'000);
}

TEST_CASE("a statement survives the table that changes under it") {
  PostgresBackend backend(1);
  backend.database().exec("CREATE TABLE v (a int); INSERT INTO v VALUES (1)");
  auto session = backend.ledger().lease();
  const std::vector<SqlStatement> statements{{"SELECT * FROM v", {}}};
  begin(*session);
  CHECK_FALSE(session->run(statements));
  commit(*session);
  backend.database().exec("ALTER TABLE v ADD b int");
  begin(*session);
  const auto failed = session->run(statements);
  REQUIRE(failed);
  CHECK(failed->error.kind == Kind::again);
  session->rollback();
  begin(*session);
  CHECK_FALSE(session->run(statements));
  commit(*session);
}

TEST_CASE("a statement that tries to end the transaction from inside fails") {
  PostgresBackend backend;
  backend.database().exec("CREATE PROCEDURE sneaky() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$");
  auto session = backend.ledger().lease();
  for (const auto* sql : {"DO $$ BEGIN COMMIT; END $$", "CALL sneaky()"}) {
    begin(*session);
    claim(*session, {"a"});
    const auto failed = session->run(std::vector<SqlStatement>{{sql, {}}});
    REQUIRE(failed);
    CHECK(failed->error.kind == Kind::handler);
    session->rollback();
    CHECK(find(*session, {"a"}) == std::vector{0});
  }
}

TEST_CASE("a mark beyond 32 bits and a topic of another generation are taken as they are") {
  PostgresBackend backend;
  backend.database().exec(
      "INSERT INTO hostler_mark (service, topic, topic_id, partition, next_offset, epoch) VALUES "
      "('svc', 'orders', 1, 0, 5, 3), ('svc', 'orders', 2, 0, 5000000000, 40000000000), ('other', 'orders', "
      "7, 0, 1, 1)");
  auto mark = take_over(backend.ledger());
  CHECK(mark.topic_id == 2);
  CHECK(mark.next.value == 5'000'000'000);
  CHECK(mark.epoch == 40'000'000'001);
  CHECK(take_over(backend.ledger(), "orders", 1, 9).topic_id == 2);
  auto session = backend.ledger().lease();
  begin(*session);
  CHECK(fence(*session, move_of(mark, 6'000'000'000)));
  commit(*session);
  CHECK(backend.database().value(
            "SELECT next_offset FROM hostler_mark WHERE service = 'svc' AND topic_id = 1") == "5");
  CHECK(backend.database().value("SELECT last_hash || ' ' || last_timestamp || ' ' || cluster_id FROM "
                                 "hostler_mark WHERE topic_id = 2 AND partition = 0") ==
        std::to_string(static_cast<std::int64_t>(0xFEDC'BA98'7654'3210ULL)) + " 1700000000123 cluster-1");
}
