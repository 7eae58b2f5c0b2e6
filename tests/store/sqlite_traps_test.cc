// The traps of SOCI and SQLite, each walked into on purpose.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "contract/ledger_backends.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;
using runtime::CommitOutcome;
using runtime::LedgerError;
using runtime::SqlStatement;
using Kind = LedgerError::Kind;

namespace {

std::int64_t number(runtime::LedgerSession& session, std::string_view sql) {
  std::int64_t out = -1;
  auto rows = session.query({sql, {}}, true, [&](std::span<const runtime::SqlValue> c) {
    out = c[0].integer;
    return true;
  });
  if (!rows) throw std::runtime_error(rows.error().code + " " + rows.error().message);
  return out;
}

}  // namespace

TEST_CASE("four writers are never busy") {
  SqliteBackend backend;
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      auto session = backend.ledger().lease();
      for (int i = 0; i < 50; ++i) {
        const IdRows rows({"evt-" + std::to_string(t) + "-" + std::to_string(i)});
        std::vector<std::uint8_t> flags(1);
        const bool fine = session->find_ids("svc", rows, flags).ok() && session->begin().ok() && session->find_ids("svc", rows, flags).ok() &&
                          session->claim_ids("svc", rows, flags).ok() && session->commit(nullptr) == CommitOutcome::committed;
        if (!fine) ++failures;
      }
    });
  for (auto& t : threads) t.join();
  CHECK(failures == 0);
  CHECK(backend.database().number("SELECT count(*) FROM processed_events") == 200);
}

TEST_CASE("many connections may open a file at once") {
  SqliteBackend backend(40);
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 40; ++t)
    threads.emplace_back([&] {
      auto session = backend.ledger().lease();
      std::vector<std::uint8_t> flags(1);
      if (!session->find_ids("svc", IdRows({"a"}), flags)) ++failures;
    });
  for (auto& t : threads) t.join();
  CHECK(failures == 0);
}

TEST_CASE("a session is durable and checks foreign keys") {
  SqliteBackend backend;
  auto session = backend.ledger().lease();
  begin(*session);
  CHECK(number(*session, "PRAGMA synchronous") == 2);
  CHECK(number(*session, "PRAGMA foreign_keys") == 1);
  session->rollback();
  CHECK(backend.database().value("PRAGMA journal_mode") == "wal");
}

TEST_CASE("the probe of a file that a writer outside of the host holds says so") {
  store::LedgerOptions options;
  options.probe_timeout = 150ms;
  SqliteBackend backend(4, options);
  REQUIRE(backend.ledger().probe().ok());
  backend.database().exec("BEGIN IMMEDIATE");
  const auto held = backend.ledger().probe();
  REQUIRE_FALSE(held.ok());
  CHECK(held.error().kind == Kind::again);
  backend.database().exec("COMMIT");
  CHECK(backend.ledger().probe().ok());
}

TEST_CASE("the probe notices a file that was deleted or replaced under the host") {
  SqliteBackend backend;
  REQUIRE(backend.ledger().probe().ok());
  std::filesystem::rename(backend.file(), backend.file().string() + ".old");
  const auto gone = backend.ledger().probe();
  REQUIRE_FALSE(gone.ok());
  CHECK(gone.error().kind == Kind::outage);
  CHECK_THAT(gone.error().message, contains(backend.file().string()) && contains("No such file"));
  std::filesystem::copy_file(backend.file().string() + ".old", backend.file());
  const auto replaced = backend.ledger().probe();
  REQUIRE_FALSE(replaced.ok());
  CHECK_THAT(replaced.error().message, contains("was replaced"));
  std::filesystem::rename(backend.file().string() + ".old", backend.file());
  CHECK(backend.ledger().probe().ok());
}

TEST_CASE("a writer outside of the host is waited for, and then the transaction is run again") {
  store::LedgerOptions options;
  options.busy_timeout = 150ms;
  SqliteBackend backend(4, options);
  backend.database().exec("BEGIN IMMEDIATE");
  auto session = backend.ledger().lease();
  const auto begun = session->begin();
  REQUIRE_FALSE(begun.ok());
  CHECK(begun.error().kind == Kind::again);
  CHECK_FALSE(session->in_transaction());
  backend.database().exec("COMMIT");
  begin(*session);
  commit(*session);
}

TEST_CASE("a full disk is an outage, and nothing commits by itself behind it") {
  SqliteBackend backend(1);
  backend.database().exec("CREATE TABLE v (b)");
  auto session = backend.ledger().lease();
  begin(*session);
  claim(*session, {"a"});
  const auto pages = number(*session, "PRAGMA page_count");
  const std::string limit = "PRAGMA max_page_count = " + std::to_string(pages + 2);
  REQUIRE(session->query({limit, {}}, false, nullptr).ok());
  const std::string big(100'000, 'x');
  const std::vector<runtime::SqlValue> params{blob(big)};
  const auto failed = session->run(std::vector<SqlStatement>{{"INSERT INTO v VALUES ('small')", {}}, {"INSERT INTO v VALUES ($1)", params}});
  REQUIRE(failed);
  CHECK(failed->index == 1);
  CHECK(failed->error.kind == Kind::outage);
  CHECK(failed->error.code == "SQLITE_FULL");
  CHECK(session->run(std::vector<SqlStatement>{{"INSERT INTO v VALUES ('after')", {}}}).has_value());
  CHECK_FALSE(*session->same_transaction());
  LedgerError why;
  CHECK(session->commit(&why) == CommitOutcome::failed);
  CHECK(backend.database().number("SELECT (SELECT count(*) FROM v) + (SELECT count(*) FROM processed_events)") == 0);
  begin(*session);  // the same connection; there is room again
  REQUIRE(session->query({"PRAGMA max_page_count = 1000000", {}}, false, nullptr).ok());
  CHECK_FALSE(session->run(std::vector<SqlStatement>{{"INSERT INTO v VALUES ($1)", params}}));
  commit(*session);
  CHECK(backend.database().number("SELECT count(*) FROM v") == 1);
}

TEST_CASE("a constraint error takes the whole transaction with it, as on PostgreSQL") {
  SqliteBackend backend;
  backend.database().exec("CREATE TABLE v (a UNIQUE)");
  auto session = backend.ledger().lease();
  begin(*session);
  const auto failed = session->run(std::vector<SqlStatement>{{"INSERT INTO v VALUES (1)", {}}, {"INSERT INTO v VALUES (1)", {}}});
  REQUIRE(failed);
  CHECK(session->commit(nullptr) == CommitOutcome::failed);
  CHECK(backend.database().number("SELECT count(*) FROM v") == 0);
}

TEST_CASE("offsets and epochs beyond 32 bits stay whole") {
  SqliteBackend backend;
  backend.database().exec("INSERT INTO hostler_mark (service, topic, topic_id, partition, next_offset, epoch) VALUES "
                          "('svc', 'orders', 1, 0, 5, 3), ('svc', 'orders', 2, 0, 5000000000, 40000000000), ('other', 'orders', 7, 0, 1, 1)");
  const auto mark = take_over(backend.ledger());
  CHECK(mark.topic_id == 2);
  CHECK(mark.next.value == 5'000'000'000);
  CHECK(mark.epoch == 40'000'000'001);
  auto session = backend.ledger().lease();
  begin(*session);
  CHECK(fence(*session, move_of(mark, 6'000'000'000)));
  commit(*session);
  CHECK(backend.database().value("SELECT next_offset || ' ' || last_hash || ' ' || last_timestamp || ' ' || cluster_id FROM hostler_mark WHERE topic_id = 2") ==
        "6000000000 " + std::to_string(static_cast<std::int64_t>(0xFEDC'BA98'7654'3210ULL)) + " 1700000000123 cluster-1");
}

TEST_CASE("text keeps its NUL bytes, blobs are blobs") {
  SqliteBackend backend;
  backend.database().exec("CREATE TABLE v (t text, b blob)");
  auto session = backend.ledger().lease();
  const std::string nul("abc\0def", 7);
  const std::vector<runtime::SqlValue> params{text(nul), blob(nul)};
  begin(*session);
  CHECK_FALSE(session->run(std::vector<SqlStatement>{{"INSERT INTO v VALUES ($1, $2)", params}}));
  commit(*session);
  CHECK(backend.database().value("SELECT hex(t) || ' ' || hex(b) || ' ' || typeof(t) || ' ' || typeof(b) FROM v") == "61626300646566 61626300646566 text blob");
}

TEST_CASE("no reader stays open to hold back checkpoints") {
  SqliteBackend backend;
  auto session = backend.ledger().lease();
  begin(*session);
  claim(*session, {"a", "b", "c"});
  commit(*session);
  find(*session, {"a", "x"});
  begin(*session);
  CHECK(session->query({"SELECT event_id FROM processed_events", {}}, true, [](std::span<const runtime::SqlValue>) { return false; }).ok());
  CHECK(session->lock_delegated("svc", std::vector{origin(1)}).ok());
  commit(*session);
  CHECK(backend.database().query("PRAGMA wal_checkpoint(TRUNCATE)") == Rows{{"0", "0", "0"}});  // not busy, nothing left
}

TEST_CASE("a query that announced to read must not write") {
  SqliteBackend backend;
  backend.database().exec("CREATE TABLE v (a)");
  auto session = backend.ledger().lease();
  begin(*session);
  const auto rows = session->query({"INSERT INTO v VALUES (1) RETURNING a", {}}, true, nullptr);
  REQUIRE_FALSE(rows.ok());
  CHECK(rows.error().kind == Kind::refused);
  commit(*session);
  CHECK(backend.database().number("SELECT count(*) FROM v") == 0);
}

TEST_CASE("the file belongs to one process, and the message names it") {
  TempDir folder;
  const std::string url = "sqlite://" + (folder / "ledger.db").string();
  int ready[2], go[2];
  REQUIRE(pipe(ready) == 0);
  REQUIRE(pipe(go) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto ledger = store::open_ledger({url, 1});
    char c = ledger.ok() ? 'y' : 'n';
    if (write(ready[1], &c, 1) != 1 || read(go[0], &c, 1) != 1) {}
    _exit(0);
  }
  char c = 0;
  REQUIRE(read(ready[0], &c, 1) == 1);
  REQUIRE(c == 'y');
  auto second = store::open_ledger({url, 1});
  REQUIRE_FALSE(second.ok());
  CHECK_THAT(second.error().message, contains("pid " + std::to_string(child)) && contains("ledger.db"));
  auto migrator = store::open_migrator({url, 1});
  REQUIRE(migrator.ok());
  CHECK((*migrator)->plan().ok());  // looking is allowed
  CHECK_FALSE((*migrator)->apply().ok());

  kill(child, SIGKILL);  // however it dies, the file is free
  waitpid(child, nullptr, 0);
  CHECK(store::open_ledger({url, 1}).ok());
  auto one = store::open_ledger({url, 1}), two = store::open_ledger({url, 1});  // within a process it is shared
  CHECK(one.ok());
  CHECK(two.ok());
  for (const int fd : {ready[0], ready[1], go[0], go[1]}) close(fd);
}

TEST_CASE("a file that cannot be used is said at once") {
  TempDir folder;
  auto opened = store::open_ledger({"sqlite://" + (folder / "missing/ledger.db").string(), 1});
  REQUIRE_FALSE(opened.ok());
  CHECK_THAT(opened.error().message, contains("missing/ledger.db"));
  const auto file = folder.write("text.db", "this is not a database, it is a text that is long enough to be looked at as a header of one hundred bytes........");
  opened = store::open_ledger({"sqlite://" + file.string(), 1});
  REQUIRE_FALSE(opened.ok());
  CHECK_THAT(opened.error().message, contains("text.db"));
  CHECK(store::open_ledger({"sqlite://" + (folder / "with space & 'quote'.db").string(), 1}).ok());
}
