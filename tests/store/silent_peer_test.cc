// A PostgreSQL that is there and does not answer, and locks that somebody else does not give back: every wait ends, as an outage that says for what
// was waited, and nothing is left waiting on the server.
#include <signal.h>

#include <cstdlib>
#include <future>

#include "contract/ledger_backends.h"
#include "support/private_server.h"
#include "support/tcp_proxy.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;
using runtime::CommitOutcome;
using runtime::LedgerError;
using runtime::SqlStatement;
using Kind = LedgerError::Kind;

namespace {

store::LedgerOptions impatient(core::Millis answer = 1s) {
  store::LedgerOptions options;
  options.application_name = unique_prefix(); // other tests have sessions on this server too
  options.answer_timeout = answer;
  options.connect_timeout = 2s;
  return options;
}

// A ledger behind a proxy that can fall silent.
struct Quiet {
  explicit Quiet(std::uint32_t sessions = 2, const store::LedgerOptions& with = impatient())
      : ledger(open_migrated(proxy.url("-csearch_path%3D" + schema.name()), sessions, with)) {}

  PostgresSchema schema;
  PostgresProxy proxy{postgres_url()};
  std::unique_ptr<runtime::Ledger> ledger;

  // What is asked must end by itself: if it does not, the test fails instead of hanging.
  template <class Ask>
  auto ends(Ask ask) {
    auto asked = std::async(std::launch::async, ask);
    const bool by_itself = asked.wait_for(30s) == std::future_status::ready;
    if (!by_itself) proxy.cut();
    auto answer = asked.get();
    REQUIRE(by_itself);
    return answer;
  }
};

void check_silence(const LedgerError& error, const std::string& question) {
  CHECK(error.kind == Kind::outage);
  CHECK_THAT(error.message,
             contains("has not answered for 1000 ms") && contains(question) && contains("records wait"));
}

// Sessions of `application` that wait for a lock.
long long waiting(Database& database, const std::string& application) {
  return database.number(
      "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = '" +
      application + "'");
}

} // namespace

TEST_CASE("a database that falls silent under a question is an outage, and works again when it speaks") {
  Quiet quiet;
  take_over(*quiet.ledger);
  auto session = quiet.ledger->lease();
  const IdRows rows({"a"});
  std::vector<std::uint8_t> flags(1);
  const auto again = [&] {
    quiet.proxy.speak();
    session->rollback();
    begin(*session);
    CHECK(claim(*session, {"a"}) == std::vector{1});
    quiet.proxy.fall_silent();
  };

  again();
  auto fenced = quiet.ends([&] { return session->fence("svc", move_of({{0}, 1, 1}, 1)); });
  REQUIRE_FALSE(fenced.ok());
  check_silence(fenced.error(), "the fence");
  again();
  auto queried = quiet.ends([&] { return session->query({"SELECT 1", {}}, true, nullptr); });
  REQUIRE_FALSE(queried.ok());
  check_silence(queried.error(), "a handler's query");
  again();
  auto failed = quiet.ends([&] { return session->run(std::vector<SqlStatement>{{"SELECT 1", {}}}); });
  REQUIRE(failed);
  check_silence(failed->error, "the handler's statements");
  again();
  auto locked = quiet.ends([&] { return session->lock_delegated("svc", std::vector{origin(1)}); });
  REQUIRE_FALSE(locked.ok());
  check_silence(locked.error(), "locking rows of delegated records");

  // Nothing of the transaction is used further, and getting in again is bounded as well.
  LedgerError why;
  CHECK(session->commit(&why) == CommitOutcome::failed);
  auto begun = quiet.ends([&] { return session->begin(); });
  REQUIRE_FALSE(begun.ok());
  CHECK(begun.error().kind == Kind::outage);
  CHECK_THAT(begun.error().message, contains("cannot connect"));
  again();
  quiet.proxy.speak();
  session->rollback();
  quiet.ends([&] { return session.reset(), 0; });
}

TEST_CASE(
    "a database that lets sessions in and says nothing more is an outage, and not a thread for each "
    "attempt") {
  constexpr int most_left_behind = 8;
  Quiet quiet(most_left_behind);
  quiet.proxy.cut();
  quiet.proxy.fall_silent_after(
      "extra_float_digits"); // SOCI's first question, which nothing of ours can bound
  const auto attempt = [&] { return quiet.ledger->lease()->begin(); };
  const auto refused = [](const runtime::LedgerStatus& begun, const std::string& why) {
    REQUIRE_FALSE(begun.ok());
    CHECK(begun.error().kind == Kind::outage);
    CHECK_THAT(begun.error().message, contains("cannot connect") && contains(why));
  };
  quiet.ends([&] {
    std::vector<std::future<runtime::LedgerStatus>> attempts;
    for (int i = 0; i < most_left_behind; ++i) attempts.push_back(std::async(std::launch::async, attempt));
    for (auto& a : attempts) refused(a.get(), "no answer within 5000 ms");
    return 0;
  });
  refused(attempt(), "earlier attempts still wait");
  quiet.proxy.speak();
  CHECK(eventually(10s, [&] { return attempt().ok(); }));
}

TEST_CASE("a rollback and the end of a session do not wait for a silent database") {
  Quiet quiet;
  auto session = quiet.ledger->lease();
  begin(*session);
  claim(*session, {"a"});
  quiet.proxy.fall_silent();
  quiet.ends([&] { return session->rollback(), 0; });
  quiet.proxy.speak();
  begin(*session);
  claim(*session, {"a"});
  quiet.proxy.fall_silent();
  quiet.ends([&] { return session.reset(), 0; });
}

TEST_CASE("the take-over of a silent database ends") {
  Quiet quiet;
  take_over(*quiet.ledger);
  quiet.proxy.fall_silent();
  const std::vector<runtime::TakeOver> wanted{{{"orders", {0}}, {0}}};
  auto marks = quiet.ends([&] { return quiet.ledger->take_over("svc", "c", wanted); });
  REQUIRE_FALSE(marks.ok());
  CHECK(marks.error().kind == Kind::outage);
  quiet.proxy.speak();
  CHECK(take_over(*quiet.ledger).epoch == 2);
}

TEST_CASE("a silent database during COMMIT leaves the outcome unknown, and the mark tells it") {
  const bool arrives = GENERATE(true, false);
  INFO("COMMIT arrives: " << arrives);
  Quiet quiet;
  const auto mark = take_over(*quiet.ledger);
  auto session = quiet.ledger->lease();
  begin(*session);
  claim(*session, {"a"});
  REQUIRE(fence(*session, move_of(mark, 1)));
  if (arrives)
    quiet.proxy.fall_silent_after("COMMIT");
  else
    quiet.proxy.fall_silent();
  LedgerError why;
  CHECK(quiet.ends([&] { return session->commit(&why); }) == CommitOutcome::unknown);
  check_silence(why, "COMMIT");
  CHECK_FALSE(session->in_transaction());
  quiet.proxy.speak();
  CHECK(take_over(*quiet.ledger).next.value == (arrives ? 1 : 0));
  CHECK(find(*session, {"a"}) == std::vector{arrives ? 1 : 0});
}

TEST_CASE("statements of a batch that are answered one by one may take longer together than one of them") {
  PostgresBackend backend(1, impatient(3s));
  auto session = backend.ledger().lease();
  begin(*session);
  CHECK_FALSE(session->run(std::vector<SqlStatement>(384, {"SELECT pg_sleep(0.017)", {}})));
  commit(*session);
}

TEST_CASE("a lock that another session holds is waited for no longer than for an answer") {
  const auto options = impatient();
  PostgresBackend backend(2, options);
  const auto mark = take_over(backend.ledger());
  Postgres other(backend.url());
  other.exec("BEGIN; SELECT * FROM hostler_mark FOR UPDATE");
  const auto check = [&](const LedgerError& error, const std::string& question) {
    CHECK(error.kind == Kind::again);
    CHECK(error.code == "55P03");
    CHECK_THAT(error.message, contains(question + ": ") && contains("hostler_mark"));
    CHECK(waiting(backend.database(), options.application_name) == 0);
  };
  const std::vector<runtime::TakeOver> wanted{{{"orders", {0}}, {0}}};
  const auto marks = backend.ledger().take_over("svc", "c", wanted);
  REQUIRE_FALSE(marks.ok());
  check(marks.error(), "taking marks over");
  auto session = backend.ledger().lease();
  const auto passed = session->barrier("svc", std::vector<runtime::MarkKey>{{"orders", 1, {0}}});
  REQUIRE_FALSE(passed.ok());
  check(passed.error(), "the barrier on the marks of retried records");
  begin(*session);
  const auto fenced = session->fence("svc", move_of(mark, 1));
  REQUIRE_FALSE(fenced.ok());
  check(fenced.error(), "the fence");
  session->rollback();
  other.exec("ROLLBACK");
  CHECK(take_over(backend.ledger()).epoch == 2);
}

TEST_CASE("a statement that takes longer than an answer may ends on the server, too") {
  const auto options = impatient();
  PostgresBackend backend(1, options);
  auto session = backend.ledger().lease();
  begin(*session);
  const auto failed = session->run(std::vector<SqlStatement>{{"SELECT pg_sleep(600)", {}}});
  REQUIRE(failed);
  CHECK(failed->error.kind == Kind::outage);
  CHECK_THAT(failed->error.message, contains("the handler's statements") && contains("statement timeout"));
  CHECK(eventually(5s, [&] {
    return backend.database().number(
               "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND application_name = '" +
               options.application_name + "'") == 0;
  }));
}

TEST_CASE("limits that the role or the URL draws tighter are kept") {
  PostgresBackend backend;
  const auto ledger = open_migrated(backend.url() + "%20-cstatement_timeout%3D700", 1, impatient(10s));
  auto session = ledger->lease();
  begin(*session);
  const auto setting = [&](const std::string& name) {
    std::string value;
    CHECK(session
              ->query({"SHOW " + name, {}}, true,
                      [&](std::span<const runtime::SqlValue> c) {
                        value = c[0].bytes.view();
                        return true;
                      })
              .ok());
    return value;
  };
  CHECK(setting("statement_timeout") == "700ms");
  CHECK(setting("lock_timeout") == "8s");
}

TEST_CASE("the probe of a silent database ends in its own time, and gets in again when it speaks") {
  auto options = impatient(60s);
  options.probe_timeout = 1s;
  Quiet quiet(1, options);
  const auto lane = quiet.ledger->lease();
  REQUIRE(quiet.ledger->probe().ok());
  quiet.proxy.fall_silent();
  const auto silent = quiet.ends([&] { return quiet.ledger->probe(); });
  REQUIRE_FALSE(silent.ok());
  check_silence(silent.error(), "the health probe");
  const auto closed = quiet.ends([&] { return quiet.ledger->probe(); });
  REQUIRE_FALSE(closed.ok());
  CHECK_THAT(closed.error().message, contains("cannot connect"));
  quiet.proxy.speak();
  CHECK(eventually(10s, [&] { return quiet.ledger->probe().ok(); }));
}

TEST_CASE("the probe of a table that somebody has locked ends in its own time") {
  auto options = impatient(60s);
  options.probe_timeout = 1s;
  PostgresBackend backend(1, options);
  backend.database().exec("BEGIN; LOCK TABLE hostler_mark");
  const auto locked = backend.ledger().probe();
  REQUIRE_FALSE(locked.ok());
  CHECK(locked.error().code == "55P03");
  CHECK_THAT(locked.error().message, contains("the health probe: "));
  backend.database().exec("ROLLBACK");
  CHECK(backend.ledger().probe().ok());
}

TEST_CASE("a backend that is stopped, as by a debugger, is an outage, and the next session works") {
  PrivatePostgres server;
  PostgresSchema schema(server.url());
  const auto ledger = open_migrated(schema.url(), 1, impatient());
  auto session = ledger->lease();
  begin(*session);
  pid_t backend = 0;
  REQUIRE(session
              ->query({"SELECT pg_backend_pid()", {}}, true,
                      [&](std::span<const runtime::SqlValue> c) {
                        backend = static_cast<pid_t>(c[0].integer);
                        return true;
                      })
              .ok());
  REQUIRE(backend > 1);
  REQUIRE(kill(backend, SIGSTOP) == 0);
  const auto failed = session->run(std::vector<SqlStatement>{{"SELECT 1", {}}});
  REQUIRE(failed);
  check_silence(failed->error, "the handler's statements");
  session->rollback();
  begin(*session);
  CHECK(claim(*session, {"a"}) == std::vector{1});
  commit(*session);
  REQUIRE(kill(backend, SIGCONT) == 0);
  Postgres outside(server.url());
  CHECK(eventually(10s, [&] {
    return outside.number("SELECT count(*) FROM pg_stat_activity WHERE pid = " + std::to_string(backend)) ==
           0;
  }));
}
