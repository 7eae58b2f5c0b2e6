// Every ledger keeps the rows of failing records alike.
#include <future>

#include "contract/ledger_backends.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

runtime::Delegation retry_of(const runtime::OriginKey& key, std::uint32_t step, std::uint32_t attempt, std::string_view id = "evt") {
  runtime::Delegation d;
  d.origin = key;
  d.state = runtime::RowState::retry;
  d.step = {step};
  d.attempt = {attempt};
  d.due = core::from_epoch_ms(1'700'000'060'987);
  d.first_seen = core::from_epoch_ms(1'700'000'000'001);
  d.event_id = id;
  d.key = core::Bytes(std::string_view("customer-1"));
  return d;
}

void write(runtime::LedgerSession& session, const std::vector<runtime::Delegation>& rows) {
  if (auto done = session.write_delegated("svc", rows); !done) throw std::runtime_error(done.error().code + " " + done.error().message);
}

std::vector<std::optional<runtime::Delegated>> lock(runtime::LedgerSession& session, const std::vector<runtime::OriginKey>& keys, std::string_view service = "svc") {
  auto rows = session.lock_delegated(service, keys);
  if (!rows) throw std::runtime_error(rows.error().code + " " + rows.error().message);
  return std::move(*rows);
}

}  // namespace

TEST_CASE("a delegation is read as it was written") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto session = backend->ledger().lease();
  begin(*session);
  auto parked = retry_of(origin(2), 0, 1, "");
  parked.state = runtime::RowState::parked;
  parked.key = {};
  parked.stored_record = std::string("\0\x01\xFF\"\\,{}NULL", 13);
  write(*session, {retry_of(origin(9), 3, 4, "evt-\"9\""), parked, retry_of(origin(9, "other \"topic\"", 5), 1, 2)});
  commit(*session);

  begin(*session);
  const auto rows = lock(*session, {origin(9), origin(1), origin(2), origin(9), origin(9, "other \"topic\"", 5), origin(9, "orders", 1)});
  REQUIRE(rows.size() == 6);
  REQUIRE(rows[0]);
  CHECK(rows[0]->state == runtime::RowState::retry);
  CHECK(rows[0]->step.value == 3);
  CHECK(rows[0]->attempt.value == 4);
  CHECK(core::to_epoch_ms(rows[0]->due) == 1'700'000'060'987);
  CHECK(core::to_epoch_ms(rows[0]->first_seen) == 1'700'000'000'001);
  CHECK(rows[0]->event_id == "evt-\"9\"");
  CHECK_FALSE(rows[1]);
  REQUIRE(rows[2]);
  CHECK(rows[2]->state == runtime::RowState::parked);
  CHECK(rows[2]->event_id.empty());
  REQUIRE(rows[3]);
  CHECK(rows[3]->step.value == 3);
  CHECK(rows[4]);
  CHECK_FALSE(rows[5]);
  CHECK_FALSE(lock(*session, {origin(9)}, "another service")[0]);
  CHECK(lock(*session, {}).empty());
  CHECK_FALSE(lock(*session, {origin(77)})[0]);
}

TEST_CASE("writing a delegation again replaces it, of twins the last counts") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto session = backend->ledger().lease();
  begin(*session);
  write(*session, {retry_of(origin(1), 1, 2), retry_of(origin(2), 1, 2)});
  auto dead = retry_of(origin(1), 2, 4);
  dead.state = runtime::RowState::dead;
  write(*session, {retry_of(origin(1), 2, 3), dead});
  write(*session, {});
  commit(*session);
  begin(*session);
  const auto rows = lock(*session, {origin(1), origin(2)});
  CHECK(rows[0]->state == runtime::RowState::dead);
  CHECK(rows[0]->attempt.value == 4);
  CHECK(rows[1]->step.value == 1);
}

TEST_CASE("an erased delegation is gone, one that was never there does not matter") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto session = backend->ledger().lease();
  begin(*session);
  write(*session, {retry_of(origin(1), 1, 2), retry_of(origin(2), 1, 2)});
  commit(*session);
  begin(*session);
  const std::vector<runtime::OriginKey> gone{origin(2), origin(3), origin(2)};
  CHECK(session->erase_delegated("svc", gone).ok());
  CHECK(session->erase_delegated("another service", std::vector{origin(1)}).ok());
  commit(*session);
  begin(*session);
  const auto rows = lock(*session, {origin(1), origin(2)});
  CHECK(rows[0]);
  CHECK_FALSE(rows[1]);
}

TEST_CASE("a rollback leaves delegations as they were") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto session = backend->ledger().lease();
  begin(*session);
  write(*session, {retry_of(origin(1), 1, 2)});
  commit(*session);
  begin(*session);
  write(*session, {retry_of(origin(1), 2, 3), retry_of(origin(5), 1, 2)});
  CHECK(session->erase_delegated("svc", std::vector{origin(1)}).ok());
  session->rollback();
  begin(*session);
  const auto rows = lock(*session, {origin(1), origin(5)});
  CHECK(rows[0]->step.value == 1);
  CHECK_FALSE(rows[1]);
}

TEST_CASE("who locks a delegation second sees what the first made of it") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto first = backend->ledger().lease();
  begin(*first);
  write(*first, {retry_of(origin(1), 1, 2), retry_of(origin(2), 1, 2)});
  commit(*first);
  begin(*first);
  CHECK(lock(*first, {origin(2), origin(1)})[0]);
  auto second = std::async(std::launch::async, [&] {
    auto session = backend->ledger().lease();
    begin(*session);
    return lock(*session, {origin(1), origin(2)});
  });
  CHECK(second.wait_for(200ms) == std::future_status::timeout);
  CHECK(first->erase_delegated("svc", std::vector{origin(1)}).ok());
  write(*first, {retry_of(origin(2), 2, 3)});
  commit(*first);
  const auto rows = second.get();
  CHECK_FALSE(rows[0]);
  REQUIRE(rows[1]);
  CHECK(rows[1]->step.value == 2);
}

TEST_CASE("key hashes are the start of SHA-256, stored records keep every byte") {
  HOSTLER_ON_EVERY_DATABASE(backend);
  auto session = backend->ledger().lease();
  begin(*session);
  auto dead = retry_of(origin(1), 1, 2);
  dead.stored_record = std::string("a\0b\xFF\"\\", 6);
  auto no_key = retry_of(origin(2), 1, 2);
  no_key.key = {};
  auto empty_key = retry_of(origin(3), 1, 2);
  empty_key.key = core::Bytes(std::string_view(""));
  empty_key.stored_record = "";
  write(*session, {dead, no_key, empty_key});
  commit(*session);
  const std::string hex = backend->ledger().dialect() == runtime::SqlDialect::sqlite ? "lower(hex(" : "encode((";
  const std::string end = backend->ledger().dialect() == runtime::SqlDialect::sqlite ? "))" : "), 'hex')";
  const auto rows = backend->database().query("SELECT " + hex + "key_hash" + end + ", " + hex + "record" + end + ", record IS NULL FROM hostler_delegated ORDER BY record_offset");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0][0] == "e83f10dcd2c68747c3f3ba14a54258d5");  // printf customer-1 | sha256sum
  CHECK(rows[0][1] == "610062ff225c");
  CHECK((rows[1][0] == "NULL" || rows[1][0].empty()));
  CHECK((rows[1][2] == "t" || rows[1][2] == "1"));
  CHECK(rows[2][0] == "e3b0c44298fc1c149afbf4c8996fb924");
  CHECK((rows[2][2] == "f" || rows[2][2] == "0"));
}
