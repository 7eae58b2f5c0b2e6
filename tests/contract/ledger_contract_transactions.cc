// Every ledger opens and ends transactions alike.
#include <future>

#include "contract/ledger_backends.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;

TEST_CASE("a transaction begins once and ends once") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto session = backend->ledger().lease();
  CHECK_FALSE(session->in_transaction());
  session->rollback();  // nothing to do
  begin(*session);
  CHECK(session->in_transaction());
  CHECK_FALSE(session->begin().ok());
  CHECK(*session->same_transaction());
  commit(*session);
  CHECK_FALSE(session->in_transaction());
  runtime::LedgerError why;
  CHECK(session->commit(&why) == runtime::CommitOutcome::failed);
  CHECK_FALSE(why.message.empty());
  CHECK(session->commit(nullptr) == runtime::CommitOutcome::failed);
  begin(*session);
  session->rollback();
  session->rollback();
  begin(*session);
  commit(*session);
}

TEST_CASE("a session that is dropped in a transaction leaves nothing, and the next one is clean") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  {
    auto session = backend->ledger().lease();
    begin(*session);
    claim(*session, {"a"});
  }
  auto session = backend->ledger().lease();
  CHECK_FALSE(session->in_transaction());
  CHECK(find(*session, {"a"}) == std::vector{0});
  begin(*session);
  CHECK(claim(*session, {"a"}) == std::vector{1});
  commit(*session);
}

TEST_CASE("everything of a transaction becomes visible at once") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  const auto mark = take_over(backend->ledger());
  auto session = backend->ledger().lease();
  auto other = backend->ledger().lease();
  begin(*session);
  claim(*session, {"a", "b"});
  REQUIRE(fence(*session, move_of(mark, 2)));
  CHECK(find(*other, {"a", "b"}) == std::vector{0, 0});
  commit(*session);
  CHECK(find(*other, {"a", "b"}) == std::vector{1, 1});
  CHECK(take_over(backend->ledger()).next.value == 2);
}

TEST_CASE("statements that end or change the transaction are refused before they are sent") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto session = backend->ledger().lease();
  for (const char* sql : {"COMMIT", " /* x */ rollback", "(( savepoint a", ";END"}) {
    INFO(sql);
    begin(*session);
    claim(*session, {"a"});
    const std::vector<runtime::SqlStatement> statements{{sql, {}}};
    const auto failed = session->run(statements);
    REQUIRE(failed);
    CHECK(failed->index == 0);
    CHECK(failed->error.kind == runtime::LedgerError::Kind::refused);
    session->rollback();

    begin(*session);
    const auto rows = session->query({sql, {}}, false, nullptr);
    REQUIRE_FALSE(rows.ok());
    CHECK(rows.error().kind == runtime::LedgerError::Kind::refused);
    CHECK(*session->same_transaction());
    session->rollback();
    CHECK(find(*session, {"a"}) == std::vector{0});
  }
}
