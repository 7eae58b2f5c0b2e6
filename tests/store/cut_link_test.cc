// A settlement whose connection ends at a chosen byte of its conversation, in either direction: it has happened or it has not, as COMMIT said, and
// where COMMIT could not say the mark does.
#include "contract/ledger_backends.h"
#include "support/tcp_proxy.h"

using namespace hostler;
using namespace hostler::testing;
using runtime::CommitOutcome;
using runtime::SqlStatement;

namespace {

struct Tally {
  int committed = 0, failed = 0, unknown = 0;
};

// Settles the partition's next record: look-up, id, effect and mark in one transaction.
CommitOutcome settle(runtime::Ledger& ledger, const core::Mark& mark, const std::string& id) {
  auto session = ledger.lease();
  const IdRows rows({id});
  std::vector<std::uint8_t> found(1);
  const std::vector<runtime::SqlValue> params{text(id)};
  const std::vector<SqlStatement> effect{{"INSERT INTO effects VALUES ($1)", params}};
  if (!session->find_ids("svc", rows, found).ok() || !session->begin().ok() ||
      !session->claim_ids("svc", rows, found).ok())
    return CommitOutcome::failed;
  const auto settled = session->fence_and_run("svc", move_of(mark, mark.next.value + 1), effect);
  if (!settled.ok() || !settled->held || settled->failure) return CommitOutcome::failed;
  return session->commit(nullptr);
}

Tally cut_everywhere(TcpProxy::Way way, TcpProxy::End end) {
  PostgresSchema schema;
  PostgresProxy proxy(postgres_url());
  Postgres db(schema.url());
  db.exec("CREATE TABLE effects (id text)"); // without a key: what is done twice is there twice
  auto ledger = open_migrated(proxy.url("-csearch_path%3D" + schema.name()), 1);
  Tally tally;
  for (std::size_t byte = 1;; byte += 11) {
    const auto mark = take_over(*ledger);
    const std::string id = "byte-" + std::to_string(byte);
    proxy.cut_after(byte, way, end);
    const auto outcome = settle(*ledger, mark, id);
    const bool was_cut = !proxy.cut_is_due();
    if (!was_cut) proxy.cut_after(0, way); // beyond the conversation's end: the next one is the last
    std::vector<std::uint8_t> found(1);
    while (proxy.cut_is_due()) static_cast<void>(ledger->lease()->find_ids("svc", IdRows({id}), found));
    const auto now = take_over(*ledger).next.value - mark.next.value;
    const auto there = db.number("SELECT count(*) FROM effects WHERE id = '" + id + "'");
    INFO("byte " << byte << ": outcome " << static_cast<int>(outcome) << ", mark moved by " << now
                 << ", effects " << there);
    CHECK(there == now);
    if (outcome == CommitOutcome::committed) CHECK(there == 1);
    if (outcome == CommitOutcome::failed) CHECK(there == 0);
    ++(outcome == CommitOutcome::committed ? tally.committed
       : outcome == CommitOutcome::failed  ? tally.failed
                                           : tally.unknown);
    if (!was_cut) return tally;
  }
}

void must_be_told_apart(TcpProxy::Way way, TcpProxy::End end) {
  const Tally tally = cut_everywhere(way, end);
  CHECK(tally.failed > 10);
  CHECK(tally.unknown > 0);
  CHECK(tally.committed > 0);
}

} // namespace

TEST_CASE("a connection cut at any byte of what the host sends") {
  must_be_told_apart(TcpProxy::Way::to_server, TcpProxy::End::both);
}
TEST_CASE("a connection cut at any byte of what the database answers") {
  must_be_told_apart(TcpProxy::Way::to_client, TcpProxy::End::both);
}
TEST_CASE("a connection half closed at any byte of what the host sends") {
  must_be_told_apart(TcpProxy::Way::to_server, TcpProxy::End::one);
}
TEST_CASE("a connection half closed at any byte of what the database answers") {
  must_be_told_apart(TcpProxy::Way::to_client, TcpProxy::End::one);
}
