// Handlers' statements behave alike on both databases, as far as the databases do.
#include "contract/ledger_backends.h"

using namespace hostler;
using namespace hostler::testing;
using runtime::LedgerError;
using runtime::SqlStatement;
using runtime::SqlType;
using runtime::SqlValue;

namespace {

void make_tables(DatabaseBackend& backend) {
  backend.database().exec(
      "CREATE TABLE account (id integer PRIMARY KEY, name text, balance bigint NOT NULL DEFAULT 0, CHECK (balance >= 0));"
      "CREATE TABLE payment (id integer PRIMARY KEY, account integer REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED)");
}

// Copies of what a query returned.
struct Column {
  SqlType type;
  std::int64_t integer;
  double real;
  std::string bytes;
};

std::vector<std::vector<Column>> query(runtime::LedgerSession& session, std::string_view sql, const std::vector<SqlValue>& params = {}, bool read_only = true) {
  std::vector<std::vector<Column>> out;
  auto rows = session.query({sql, params}, read_only, [&](std::span<const SqlValue> columns) {
    auto& row = out.emplace_back();
    for (const auto& c : columns) row.push_back({c.type, c.integer, c.real, std::string(c.bytes.view())});
    return true;
  });
  if (!rows) throw std::runtime_error(rows.error().code + " " + rows.error().message);
  CHECK(*rows == out.size());
  return out;
}

// Runs one statement, expects it to fail, rolls back.
LedgerError failure(runtime::LedgerSession& session, std::string_view sql, const std::vector<SqlValue>& params = {}) {
  begin(session);
  const std::vector<SqlStatement> statements{{sql, params}};
  auto failed = session.run(statements);
  REQUIRE(failed);
  session.rollback();
  return failed->error;
}

}  // namespace

TEST_CASE("statements run in order, and the same text with other parameters is another statement") {
  HOSTLER_ON_EVERY_DATABASE(backend);
  make_tables(*backend);
  auto session = backend->ledger().lease();
  std::vector<SqlValue> params;
  for (int i = 0; i < 600; ++i) {
    params.push_back(integer(i % 300));
    params.push_back(text(i < 300 ? "first" : "second"));
  }
  for (int batch = 0; batch < 3; ++batch) {
    std::vector<SqlStatement> statements;
    for (std::size_t i = 0; i < 600; ++i)
      statements.push_back({"INSERT INTO account (id, name, balance) VALUES ($1, $2, 1) ON CONFLICT (id) DO UPDATE SET name = excluded.name, "
                            "balance = account.balance + 1", {&params[i * 2], 2}});
    begin(*session);
    const auto failed = session->run(statements);
    REQUIRE_FALSE(failed);
    CHECK(*session->same_transaction());
    commit(*session);
  }
  CHECK(backend->database().number("SELECT count(*) FROM account WHERE name = 'second' AND balance = 6") == 300);
  CHECK(backend->database().number("SELECT count(*) FROM account") == 300);
}

TEST_CASE("the failing statement is named, and nothing of the transaction remains") {
  HOSTLER_ON_EVERY_DATABASE(backend);
  make_tables(*backend);
  auto session = backend->ledger().lease();
  const auto mark = take_over(backend->ledger());
  for (const std::size_t guilty : {0U, 1U, 250U, 499U}) {
    std::vector<SqlValue> params;
    for (std::size_t i = 0; i < 500; ++i) {
      params.push_back(integer(static_cast<std::int64_t>(i)));
      params.push_back(i == guilty ? integer(-1) : integer(1));
    }
    std::vector<SqlStatement> statements;
    for (std::size_t i = 0; i < 500; ++i) statements.push_back({"INSERT INTO account (id, balance) VALUES ($1, $2)", {&params[i * 2], 2}});
    begin(*session);
    claim(*session, {"a"});
    REQUIRE(fence(*session, move_of(mark, 1)));
    const auto failed = session->run(statements);
    REQUIRE(failed);
    CHECK(failed->index == guilty);
    CHECK(failed->error.kind == LedgerError::Kind::record);
    LedgerError why;
    CHECK(session->commit(&why) == runtime::CommitOutcome::failed);
    CHECK_FALSE(session->in_transaction());
    CHECK(backend->database().number("SELECT count(*) FROM account") == 0);
    CHECK(find(*session, {"a"}) == std::vector{0});
  }
}

TEST_CASE("errors are sorted by who is at fault") {
  HOSTLER_ON_EVERY_DATABASE(backend);
  make_tables(*backend);
  backend->database().exec("INSERT INTO account (id) VALUES (1)");
  auto session = backend->ledger().lease();
  using Kind = LedgerError::Kind;
  CHECK(failure(*session, "INSERT INTO account (id) VALUES (1)").kind == Kind::record);
  CHECK(failure(*session, "INSERT INTO account (id, balance) VALUES (2, NULL)").kind == Kind::record);
  CHECK(failure(*session, "UPDATE account SET balance = -1").kind == Kind::record);
  CHECK(failure(*session, "INSERT INTO missing VALUES (1)").kind == Kind::handler);
  CHECK(failure(*session, "INSERT INTO account (nothing) VALUES (1)").kind == Kind::handler);
  CHECK(failure(*session, "this is not SQL").kind == Kind::handler);
  CHECK(failure(*session, "UPDATE account SET balance = $1 WHERE id = $2", {integer(1)}).kind == Kind::handler);
  CHECK(failure(*session, "UPDATE account SET balance = 1", {integer(1), integer(2)}).kind == Kind::handler);
  const auto two = failure(*session, "UPDATE account SET balance = 5; UPDATE account SET balance = 6").kind;
  CHECK((two == Kind::refused || two == Kind::handler));
  CHECK(failure(*session, "UPDATE account SET name = $1", {{SqlType::timestamp_us, INT64_MAX, 0, {}}}).kind == Kind::record);
  CHECK(failure(*session, "UPDATE account SET name = $1", {{SqlType::uuid, 0, 0, core::Bytes(std::string_view("short"))}}).kind == Kind::record);
  // The session works on.
  begin(*session);
  CHECK_FALSE(session->run(std::vector<SqlStatement>{{"UPDATE account SET balance = 5", {}}}));
  commit(*session);
  CHECK(backend->database().number("SELECT balance FROM account") == 5);
}

TEST_CASE("a deferred constraint fails before anything is published, not at COMMIT") {
  HOSTLER_ON_EVERY_DATABASE(backend);
  make_tables(*backend);
  auto session = backend->ledger().lease();
  const std::vector<SqlStatement> orphan{{"INSERT INTO payment (id, account) VALUES (1, 77)", {}}, {"INSERT INTO account (id) VALUES (1)", {}}};
  begin(*session);
  const auto failed = session->run(orphan);
  REQUIRE(failed);
  CHECK(failed->index == orphan.size());
  CHECK(failed->error.kind == LedgerError::Kind::record);
  CHECK(session->commit(nullptr) == runtime::CommitOutcome::failed);

  begin(*session);  // deferred and put right in time
  const std::vector<SqlStatement> fine{{"INSERT INTO payment (id, account) VALUES (1, 77)", {}}, {"INSERT INTO account (id) VALUES (77)", {}}};
  CHECK_FALSE(session->run(fine));
  commit(*session);

  const auto mark = take_over(backend->ledger());
  begin(*session);  // written through query; the ledger's own statements do not check
  CHECK(session->query({"INSERT INTO payment (id, account) VALUES (2, 78)", {}}, false, nullptr).ok());
  CHECK(fence(*session, move_of(mark, 1)));
  const auto late = session->run({});
  REQUIRE(late);
  CHECK(late->index == 0);
  session->rollback();
  CHECK(backend->database().number("SELECT count(*) FROM payment") == 1);
}

TEST_CASE("a statement that fails behind its fence is named") {
  HOSTLER_ON_EVERY_DATABASE(backend);
  make_tables(*backend);
  const auto mark = take_over(backend->ledger());
  auto session = backend->ledger().lease();
  const std::vector<SqlStatement> statements{{"INSERT INTO account (id) VALUES (1)", {}}, {"INSERT INTO account (id) VALUES (1)", {}}};
  for (int i = 0; i < 3; ++i) {
    begin(*session);
    auto settled = session->fence_and_run("svc", move_of(mark, 10), statements);
    REQUIRE(settled.ok());
    CHECK(settled->held);
    REQUIRE(settled->failure);
    CHECK(settled->failure->index == 1);
    CHECK(settled->failure->error.kind == LedgerError::Kind::record);
    CHECK(session->commit(nullptr) == runtime::CommitOutcome::failed);
  }
  CHECK(take_over(backend->ledger()).next.value == 0);
  CHECK(backend->database().number("SELECT count(*) FROM account") == 0);
}

TEST_CASE("values travel there and back") {
  HOSTLER_ON_EVERY_DATABASE(backend);
  const bool pg = backend->ledger().dialect() == runtime::SqlDialect::postgresql;
  backend->database().exec(pg ? "CREATE TABLE v (i bigint, r float8, t text, b bytea, f boolean, u uuid, at timestamptz, j jsonb, n text)"
                              : "CREATE TABLE v (i, r, t, b, f, u, at, j, n)");
  const std::string bytes("\0\x01\xFF'\"\\", 6), uuid("\x12\x34\x56\x78\x9a\xbc\xde\xf0\x00\xff\x01\x02\x03\x04\x05\x06", 16);
  const std::int64_t at = 1'700'000'000'123'456;
  const std::vector<SqlValue> params{integer(INT64_MIN),
                                     {SqlType::real, 0, 0.1, {}},
                                     text("it's \"quoted\" \\ 你好"),
                                     blob(bytes),
                                     {SqlType::boolean, 1, 0, {}},
                                     {SqlType::uuid, 0, 0, core::Bytes(std::string_view(uuid))},
                                     {SqlType::timestamp_us, at, 0, {}},
                                     {SqlType::json, 0, 0, core::Bytes(std::string_view("{\"a\": [1]}"))},
                                     {}};
  auto session = backend->ledger().lease();
  begin(*session);
  REQUIRE_FALSE(session->run(std::vector<SqlStatement>{{"INSERT INTO v (n, j, at, u, f, b, t, r, i) VALUES ($9, $8, $7, $6, $5, $4, $3, $2, $1)", params}}));
  const auto rows = query(*session, "SELECT i, r, t, b, f, u, at, j, n FROM v WHERE i = $1", {integer(INT64_MIN)});
  REQUIRE(rows.size() == 1);
  const auto& row = rows[0];
  CHECK(row[0].type == SqlType::integer);
  CHECK(row[0].integer == INT64_MIN);
  CHECK(row[1].type == SqlType::real);
  CHECK(row[1].real == 0.1);
  CHECK(row[2].type == SqlType::text);
  CHECK(row[2].bytes == "it's \"quoted\" \\ 你好");
  CHECK(row[3].type == SqlType::blob);
  CHECK(row[3].bytes == bytes);
  CHECK(row[4].integer == 1);
  CHECK(row[8].type == SqlType::null);
  if (pg) {
    CHECK(row[4].type == SqlType::boolean);
    CHECK(row[5].type == SqlType::uuid);
    CHECK(row[5].bytes == uuid);
    CHECK(row[6].type == SqlType::timestamp_us);
    CHECK(row[6].integer == at);
    CHECK(row[7].type == SqlType::json);
    CHECK(row[7].bytes == "{\"a\": [1]}");
  } else {
    CHECK(row[5].bytes == "12345678-9abc-def0-00ff-010203040506");
    CHECK(row[6].bytes == "2023-11-14 22:13:20.123456");
    CHECK(row[7].bytes == "{\"a\": [1]}");
  }
}

TEST_CASE("empty values are not NULL") {
  HOSTLER_ON_EVERY_DATABASE(backend);
  backend->database().exec(backend->ledger().dialect() == runtime::SqlDialect::postgresql ? "CREATE TABLE v (t text, b bytea)" : "CREATE TABLE v (t text, b blob)");
  auto session = backend->ledger().lease();
  begin(*session);
  const std::vector<SqlValue> params{{SqlType::text, 0, 0, {}}, {SqlType::blob, 0, 0, {}}};
  REQUIRE_FALSE(session->run(std::vector<SqlStatement>{{"INSERT INTO v VALUES ($1, $2)", params}}));
  const auto rows = query(*session, "SELECT t, b FROM v");
  CHECK(rows[0][0].type == SqlType::text);
  CHECK(rows[0][1].type == SqlType::blob);
}

TEST_CASE("a query stops where it is told to, and writes only if it said so") {
  HOSTLER_ON_EVERY_DATABASE(backend);
  make_tables(*backend);
  backend->database().exec("INSERT INTO account (id) VALUES (1), (2), (3)");
  auto session = backend->ledger().lease();
  begin(*session);
  int seen = 0;
  const auto rows = session->query({"SELECT id FROM account ORDER BY id", {}}, true, [&](std::span<const SqlValue>) { return ++seen < 2; });
  REQUIRE(rows.ok());
  CHECK(*rows == 2);
  CHECK(seen == 2);
  CHECK(query(*session, "UPDATE account SET balance = balance + 1 WHERE id > $1 RETURNING id", {integer(1)}, false).size() == 2);
  CHECK(session->query({"DELETE FROM account WHERE id = 3", {}}, false, nullptr).ok());
  commit(*session);
  CHECK(backend->database().number("SELECT sum(balance) FROM account") == 1);
}

TEST_CASE("after a failed query the transaction is lost, and says why") {
  HOSTLER_ON_EVERY_DATABASE(backend);
  make_tables(*backend);
  auto session = backend->ledger().lease();
  begin(*session);
  claim(*session, {"a"});
  CHECK_FALSE(session->query({"SELECT * FROM missing", {}}, true, nullptr).ok());
  const auto next = session->query({"SELECT 1", {}}, true, nullptr);
  REQUIRE_FALSE(next.ok());
  CHECK_THAT(next.error().message, contains("missing"));
  LedgerError why;
  CHECK(session->commit(&why) == runtime::CommitOutcome::failed);
  CHECK_THAT(why.message, contains("missing"));
  CHECK(find(*session, {"a"}) == std::vector{0});
}

TEST_CASE("messages hold no parameter values") {
  HOSTLER_ON_EVERY_DATABASE(backend);
  make_tables(*backend);
  backend->database().exec("CREATE TABLE person (id integer PRIMARY KEY, mail text UNIQUE, born date); INSERT INTO person VALUES (1, 'secret-value', NULL)");
  auto session = backend->ledger().lease();
  for (const auto* sql : {"INSERT INTO person (id, mail) VALUES (2, $1)", "INSERT INTO person (id) VALUES ($1)", "INSERT INTO account (id, name, balance) VALUES (3, $1, -1)",
                          "INSERT INTO missing VALUES ($1)"}) {
    INFO(sql);
    const auto error = failure(*session, sql, {text("secret-value")});
    CHECK_FALSE(error.message.empty());
    CHECK_THAT(error.message, !contains("secret-value"));
  }
}

TEST_CASE("a thousand different texts do not exhaust the session") {
  HOSTLER_ON_EVERY_DATABASE(backend);
  make_tables(*backend);
  auto session = backend->ledger().lease();
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) texts.push_back("INSERT INTO account (id) VALUES (" + std::to_string(i) + ")");
  std::vector<SqlStatement> statements;
  for (const auto& t : texts) statements.push_back({t, {}});
  begin(*session);
  CHECK_FALSE(session->run(statements));
  for (int i = 0; i < 1000; ++i) query(*session, "SELECT name FROM account WHERE id = " + std::to_string(i));
  commit(*session);
  CHECK(backend->database().number("SELECT count(*) FROM account") == 1000);
}
