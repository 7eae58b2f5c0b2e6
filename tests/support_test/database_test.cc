// tests/support on itself: PostgreSQL and SQLite by one interface, and a private server.
#include <memory>

#include "support/catch.h"
#include "support/env.h"
#include "support/postgres.h"
#include "support/private_server.h"
#include "support/sqlite.h"

using namespace hostler::testing;

namespace {

void check_interface(Database& database) {
  database.exec("CREATE TABLE t (id bigint, name text); INSERT INTO t VALUES (1, 'one'), (2, NULL), (3, '')");
  CHECK(database.query("SELECT id, name FROM t ORDER BY id") == Rows{{"1", "one"}, {"2", "NULL"}, {"3", ""}});
  CHECK(database.number("SELECT count(*) FROM t") == 3);
  CHECK(database.value("SELECT name FROM t WHERE id = 99").empty());
  CHECK_THROWS_WITH(database.exec("SELECT * FROM missing"), contains("missing"));
  CHECK(database.number("SELECT count(*) FROM t") == 3);
}

} // namespace

TEST_CASE("SQLite answers through the test interface") {
  const TempDir folder;
  Sqlite database(folder / "a.db");
  check_interface(database);
}

TEST_CASE("PostgreSQL answers through the test interface, each test in its own schema") {
  const PostgresSchema first;
  const PostgresSchema second;
  auto one = first.connect();
  auto two = second.connect();
  check_interface(one);
  check_interface(two); // the same table name again
  CHECK(one.value("SHOW search_path") == first.name());
}

TEST_CASE("a schema is gone after its test") {
  std::string name;
  {
    const PostgresSchema schema;
    name = schema.name();
    schema.connect().exec("CREATE TABLE t (id int)");
  }
  CHECK(Postgres(postgres_url()).number("SELECT count(*) FROM pg_namespace WHERE nspname = '" + name + "'") ==
        0);
}

TEST_CASE("a private PostgreSQL stops, dies and comes back with its data at the same address") {
  PrivatePostgres server({"max_connections=20"});
  Postgres(server.url()).exec("CREATE TABLE t AS SELECT 42 AS answer");
  CHECK(Postgres(server.url()).value("SHOW max_connections") == "20");
  server.stop();
  CHECK_THROWS(Postgres(server.url()));
  server.start();
  CHECK(Postgres(server.url()).value("SELECT answer FROM t") == "42");
  server.kill();
  CHECK_THROWS(Postgres(server.url()));
  server.start();
  CHECK(Postgres(server.url()).value("SELECT answer FROM t") == "42");
}
