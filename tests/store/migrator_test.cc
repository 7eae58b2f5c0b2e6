// Migrations on both databases.
#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "contract/ledger_backends.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

// The ledger's own, in order.
std::vector<std::string> own_files() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(HOSTLER_SOURCE_DIR) + "/migrations/sqlite")) out.push_back(entry.path().filename());
  std::sort(out.begin(), out.end());
  return out;
}
// As applied() and names() put it, with others behind them.
std::vector<std::string> own_and(const std::vector<std::string>& others = {}) {
  std::vector<std::string> out;
  for (const auto& file : own_files()) out.push_back("hostler/" + file);
  out.insert(out.end(), others.begin(), others.end());
  return out;
}

// A database without any tables.
struct Empty {
  explicit Empty(Store store) {
    if (store == Store::sqlite) {
      url = "sqlite://" + (folder / "ledger.db").string();
    } else {
      schema = std::make_unique<PostgresSchema>();
      url = schema->url();
    }
  }
  std::unique_ptr<store::Migrator> migrator(const std::string& owner = {}) {
    auto made = store::open_migrator({url, 1});
    if (!made) throw std::runtime_error(made.error().message);
    if (!owner.empty())
      if (auto added = (*made)->add_folder(owner, folder / owner); !added) throw std::runtime_error(added.error().message);
    return std::move(*made);
  }
  std::unique_ptr<Database> database() {
    if (schema) return std::make_unique<Postgres>(url);
    return std::make_unique<Sqlite>(folder / "ledger.db");
  }
  void write(const std::string& name, const std::string& sql) const { folder.write(name, sql); }

  TempDir folder;
  std::unique_ptr<PostgresSchema> schema;
  std::string url;
};

std::vector<std::string> names(const std::vector<store::Migration>& migrations) {
  std::vector<std::string> out;
  for (const auto& m : migrations) out.push_back(m.owner + "/" + m.name);
  return out;
}

std::vector<std::string> applied(store::Migrator& migrator) {
  auto done = migrator.apply();
  if (!done) throw std::runtime_error(done.error().message);
  return names(*done);
}

std::string refusal(store::Migrator& migrator) {
  auto planned = migrator.plan();
  auto done = migrator.apply();
  REQUIRE_FALSE(planned.ok());
  REQUIRE_FALSE(done.ok());
  CHECK(planned.error().message == done.error().message);
  return done.error().message;
}

#define ON_EMPTY_DATABASE(db)                                                \
  const auto db##_store = GENERATE(Store::sqlite, Store::postgresql);        \
  INFO((db##_store == Store::sqlite ? "SQLite" : "PostgreSQL"));             \
  Empty db(db##_store)

}  // namespace

TEST_CASE("an empty database is planned, migrated, and then there is nothing left to do") {
  ON_EMPTY_DATABASE(db);
  auto migrator = db.migrator();
  auto planned = migrator->plan();
  REQUIRE(planned.ok());
  CHECK(names(*planned) == own_and());
  CHECK(applied(*migrator) == names(*planned));
  CHECK(migrator->plan()->empty());
  CHECK(applied(*migrator).empty());
  Rows expected;
  for (const auto& file : own_files()) expected.push_back({"hostler", file, "64"});
  CHECK(db.database()->query("SELECT owner, name, length(checksum) FROM hostler_migration ORDER BY name") == expected);
  CHECK(db.database()->query("SELECT * FROM processed_events WHERE event_id = 'evt-123'").empty());
}

TEST_CASE("planning changes nothing") {
  ON_EMPTY_DATABASE(db);
  CHECK(db.migrator()->plan()->size() == own_files().size());
  if (db_store == Store::sqlite) CHECK_FALSE(std::filesystem::exists(db.folder / "ledger.db"));
  else CHECK(db.database()->number("SELECT count(*) FROM pg_tables WHERE schemaname = '" + db.schema->name() + "'") == 0);
}

TEST_CASE("migrators that start at once do the work once") {
  ON_EMPTY_DATABASE(db);
  db.write("svc/0001_a.sql", "CREATE TABLE a (x int);");
  std::atomic<int> total{0}, failures{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      try {
        total += static_cast<int>(applied(*db.migrator("svc")).size());
      } catch (const std::exception&) {
        ++failures;
      }
    });
  for (auto& t : threads) t.join();
  CHECK(failures == 0);
  CHECK(total == static_cast<int>(own_files().size()) + 1);
}

TEST_CASE("an applied migration that was edited is refused with its name and the mend") {
  ON_EMPTY_DATABASE(db);
  db.write("svc/0001_a.sql", "CREATE TABLE a (x int);");
  applied(*db.migrator("svc"));
  db.write("svc/0001_a.sql", "CREATE TABLE a (x bigint);");
  CHECK_THAT(refusal(*db.migrator("svc")), contains("svc/0001_a.sql") && contains("edited") && contains("restore"));
  db.database()->exec("UPDATE hostler_migration SET checksum = 'x' WHERE owner = 'hostler'");
  CHECK_THAT(refusal(*db.migrator()), contains("0001_ledger.sql"));
}

TEST_CASE("migrations go forward only") {
  ON_EMPTY_DATABASE(db);
  db.write("svc/0002_b.sql", "CREATE TABLE b (x int);");
  applied(*db.migrator("svc"));
  db.write("svc/0001_a.sql", "CREATE TABLE a (x int);");
  CHECK_THAT(refusal(*db.migrator("svc")), contains("0001_a.sql") && contains("higher number"));
}

TEST_CASE("an applied file that is gone is missed, one of a newer version is not") {
  ON_EMPTY_DATABASE(db);
  for (const char* name : {"svc/0001_a.sql", "svc/0002_b.sql", "svc/0003_c.sql"}) db.write(name, std::string("CREATE TABLE t_") + name[7] + " (x int);");
  CHECK(applied(*db.migrator("svc")).size() == own_files().size() + 3);
  std::filesystem::remove(db.folder / "svc/0003_c.sql");
  CHECK(applied(*db.migrator("svc")).empty());  // an older version beside a newer one
  db.write("svc/0003_c.sql", "CREATE TABLE t_3 (x int);");
  std::filesystem::remove(db.folder / "svc/0002_b.sql");
  CHECK_THAT(refusal(*db.migrator("svc")), contains("0002_b.sql") && contains("gone"));
}

TEST_CASE("a handler's migrations come from its folder, or from the database's folder within") {
  ON_EMPTY_DATABASE(db);
  const std::string mine = db_store == Store::sqlite ? "sqlite" : "postgresql", other = db_store == Store::sqlite ? "postgresql" : "sqlite";
  db.write("plain/0001_a.sql", "CREATE TABLE plain (x int);");
  db.write("plain/README", "not SQL");
  db.write("both/" + mine + "/0001_a.sql", "CREATE TABLE mine (x int);");
  db.write("both/" + other + "/0001_a.sql", "this must not run");
  db.write("both/0001_a.sql", "neither this");
  auto migrator = db.migrator("plain");
  REQUIRE(migrator->add_folder("both", db.folder / "both").ok());
  CHECK(applied(*migrator) == own_and({"plain/0001_a.sql", "both/0001_a.sql"}));
  CHECK(db.database()->query("SELECT * FROM plain, mine").empty());
}

TEST_CASE("a failing migration names its line, changes nothing, and keeps those before it") {
  ON_EMPTY_DATABASE(db);
  db.write("svc/0001_a.sql", "CREATE TABLE a (x int);");
  db.write("svc/0002_b.sql", "-- Größe\nCREATE TABLE b (x int);\nINSERT INTO b VALUES (1);\n\n  INSERT INTO missing VALUES (1);\nCREATE TABLE c (x int);\n");
  db.write("svc/0003_c.sql", "CREATE TABLE d (x int);");
  auto migrator = db.migrator("svc");
  const auto done = migrator->apply();
  REQUIRE_FALSE(done.ok());
  CHECK_THAT(done.error().message, contains("svc/0002_b.sql:5") && contains("missing"));
  CHECK(names(*migrator->plan()) == std::vector<std::string>{"svc/0002_b.sql", "svc/0003_c.sql"});
  CHECK_THROWS(db.database()->exec("SELECT * FROM b"));
  CHECK(db.database()->query("SELECT * FROM a").empty());
  db.write("svc/0002_b.sql", "CREATE TABLE b (x int);");
  CHECK(applied(*db.migrator("svc")).size() == 2);
}

TEST_CASE("a migration must leave its transaction alone") {
  ON_EMPTY_DATABASE(db);
  db.write("svc/0001_a.sql", "CREATE TABLE a (x int); COMMIT;");
  auto migrator = db.migrator("svc");
  const auto done = migrator->apply();
  REQUIRE_FALSE(done.ok());
  CHECK_THAT(done.error().message, contains("0001_a.sql") && contains("COMMIT"));
}

TEST_CASE("folders that cannot be meant are refused") {
  Empty db(Store::sqlite);
  auto migrator = db.migrator();
  const auto why = [&](const std::string& folder) {
    auto added = migrator->add_folder("svc", db.folder / folder);
    REQUIRE_FALSE(added.ok());
    return added.error().message;
  };
  CHECK_THAT(why("nowhere"), contains("nowhere") && contains("svc"));
  std::filesystem::create_directory(db.folder / "empty");
  CHECK_THAT(why("empty"), contains("0001_name.sql"));
  db.write("bad/1_a.sql", "");
  CHECK_THAT(why("bad"), contains("1_a.sql"));
  db.write("twice/0001_a.sql", "");
  db.write("twice/0001_b.sql", "");
  CHECK_THAT(why("twice"), contains("same number"));
  db.write("nul/0001_a.sql", std::string("SELECT 1;\0", 10));
  CHECK_THAT(why("nul"), contains("NUL"));
  db.write("hostler/0001_a.sql", "");
  CHECK_FALSE(migrator->add_folder("hostler", db.folder / "hostler").ok());
}

TEST_CASE("a migrator waits for the one that works") {
  PostgresSchema schema;
  Postgres other(schema.url());
  const auto locks = [&] { return other.number("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"); };
  other.exec("SELECT pg_advisory_lock(5219545003054690674)");
  auto done = std::async(std::launch::async, [&] { return (*store::open_migrator({schema.url(), 1}))->apply(); });
  REQUIRE(eventually(5s, [&] { return locks() >= 1; }));
  CHECK(done.wait_for(100ms) == std::future_status::timeout);
  other.exec("SELECT pg_advisory_unlock(5219545003054690674)");
  CHECK(done.get().ok());
}
