// Every ledger tells its health alike: by itself, whatever the lanes do, and without a trace.
#include <future>

#include "contract/ledger_backends.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

// The probe must not wait for the lanes: if it does, the test fails once they have let go.
bool well(runtime::Ledger& ledger, const std::function<void()>& let_go) {
  auto asked = std::async(std::launch::async, [&] { return ledger.probe(); });
  const bool by_itself = asked.wait_for(10s) == std::future_status::ready;
  if (!by_itself) let_go();
  const auto answer = asked.get();
  UNSCOPED_INFO((answer ? "" : answer.error().message));
  return by_itself && answer.ok();
}

}  // namespace

TEST_CASE("the probe answers while every session is leased and one of them writes") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  take_over(backend->ledger());
  std::vector<std::unique_ptr<runtime::LedgerSession>> sessions;
  for (int i = 0; i < 8; ++i) sessions.push_back(backend->ledger().lease());
  REQUIRE(well(backend->ledger(), [&] { sessions.clear(); }));
  begin(*sessions[0]);
  claim(*sessions[0], {"a"});
  REQUIRE(well(backend->ledger(), [&] { sessions.clear(); }));
  REQUIRE(fence(*sessions[0], move_of({{0}, 1, 1}, 1)));
  REQUIRE(well(backend->ledger(), [&] { sessions.clear(); }));
  commit(*sessions[0]);
}

TEST_CASE("the probe leaves no trace and holds nobody up") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  for (int i = 0; i < 3; ++i) CHECK(backend->ledger().probe().ok());
  CHECK(take_over(backend->ledger()).epoch == 1);
  auto session = backend->ledger().lease();
  begin(*session);
  CHECK(claim(*session, {"a"}) == std::vector{1});
  CHECK(fence(*session, move_of({{0}, 1, 1}, 1)));
  commit(*session);
  CHECK(backend->ledger().probe().ok());
  if (auto* database = dynamic_cast<DatabaseBackend*>(backend.get())) CHECK(database->database().number("SELECT count(*) FROM hostler_mark") == 1);
}

TEST_CASE("the probe says what is wrong, and that it is well again") {
  HOSTLER_ON_EVERY_DATABASE(backend);
  REQUIRE(backend->ledger().probe().ok());
  backend->database().exec("ALTER TABLE hostler_mark RENAME TO elsewhere");
  const auto missing = backend->ledger().probe();
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().kind == runtime::LedgerError::Kind::outage);
  CHECK_THAT(missing.error().message, contains("hostler ledger migrate"));
  backend->database().exec("ALTER TABLE elsewhere RENAME TO hostler_mark");
  CHECK(backend->ledger().probe().ok());
}

TEST_CASE("the probe of a fake that is down is an outage") {
  MemoryLedger ledger;
  CHECK(ledger.probe().ok());
  ledger.set_down(true);
  const auto down = ledger.probe();
  REQUIRE_FALSE(down.ok());
  CHECK(down.error().kind == runtime::LedgerError::Kind::outage);
}
