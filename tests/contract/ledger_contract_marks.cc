// Every ledger fences alike: the mark decides who owns a partition.
#include <atomic>
#include <future>
#include <thread>

#include "contract/ledger_backends.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;

TEST_CASE("the first take-over makes the mark at its start, every one raises the epoch") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  const std::vector<runtime::TakeOver> both{{{"orders", {7}}, {50}}, {{"orders", {3}}, {10}}, {{"mails", {3}}, {20}}};
  auto first = ledger.take_over("svc", "cluster-1", both);
  REQUIRE(first.ok());
  REQUIRE(first->size() == 3);
  CHECK((*first)[0].next.value == 50);
  CHECK((*first)[1].next.value == 10);
  CHECK((*first)[2].next.value == 20);
  for (const auto& mark : *first) {
    CHECK(mark.epoch == 1);
    CHECK(mark.topic_id == 1);
  }
  const auto again = take_over(ledger, "orders", 3, 999);
  CHECK(again.next.value == 10);
  CHECK(again.epoch == 2);
  CHECK(take_over(ledger, "orders", 7, 999).epoch == 2);
  CHECK(take_over(ledger, "orders", 3, 5, "other").next.value == 5);
  CHECK(ledger.take_over("svc", "cluster-1", {})->empty());
}

TEST_CASE("the fence moves the mark, and only from where it stands") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto mark = take_over(backend->ledger(), "orders", 0, 100);
  auto session = backend->ledger().lease();
  begin(*session);
  CHECK(fence(*session, move_of(mark, 150)));
  commit(*session);
  begin(*session);
  CHECK_FALSE(fence(*session, move_of(mark, 150)));  // still believes in 100
  session->rollback();
  mark.next = {150};
  begin(*session);
  CHECK(fence(*session, move_of(mark, 151)));
  session->rollback();
  begin(*session);
  CHECK(fence(*session, move_of(mark, 160)));
  commit(*session);
  CHECK(take_over(backend->ledger()).next.value == 160);
}

TEST_CASE("a new owner's epoch makes the old owner's fence stale") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  const auto mine = take_over(backend->ledger());
  const auto theirs = take_over(backend->ledger());
  auto session = backend->ledger().lease();
  begin(*session);
  CHECK_FALSE(fence(*session, move_of(mine, 10)));
  session->rollback();
  begin(*session);
  CHECK(fence(*session, move_of(theirs, 10)));
  commit(*session);
}

TEST_CASE("a fence on a mark that does not exist is stale") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto session = backend->ledger().lease();
  begin(*session);
  CHECK_FALSE(fence(*session, move_of({{0}, 1, 1}, 10)));
  session->rollback();
}

TEST_CASE("fences of several partitions are one transaction") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  const auto zero = take_over(backend->ledger(), "orders", 0), one = take_over(backend->ledger(), "orders", 1);
  auto session = backend->ledger().lease();
  begin(*session);
  CHECK(fence(*session, move_of(zero, 5, "orders", 0)));
  CHECK(fence(*session, move_of(one, 6, "orders", 1)));
  session->rollback();
  CHECK(take_over(backend->ledger(), "orders", 0).next.value == 0);
  CHECK(take_over(backend->ledger(), "orders", 1).next.value == 0);
}

TEST_CASE("a fence and the statements behind it may go together") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto mark = take_over(backend->ledger());
  auto session = backend->ledger().lease();
  const std::vector<runtime::SqlStatement> statements{{"SELECT 1", {}}}, refused{{"SELECT 1", {}}, {"COMMIT", {}}};
  begin(*session);
  auto settled = session->fence_and_run("svc", move_of({{7}, mark.epoch, 1}, 10), statements);
  REQUIRE(settled.ok());
  CHECK_FALSE(settled->held);
  session->rollback();

  for (const auto& some : {statements, std::vector<runtime::SqlStatement>{}}) {
    begin(*session);
    settled = session->fence_and_run("svc", move_of(mark, mark.next.value + 10), some);
    REQUIRE(settled.ok());
    CHECK(settled->held);
    CHECK_FALSE(settled->failure);
    commit(*session);
    mark.next = {mark.next.value + 10};
  }
  CHECK(take_over(backend->ledger()).next.value == 20);

  begin(*session);
  mark.epoch += 1;
  settled = session->fence_and_run("svc", move_of(mark, 30), refused);
  REQUIRE(settled.ok());
  REQUIRE(settled->failure);
  CHECK(settled->failure->index == 1);
  CHECK(settled->failure->error.kind == runtime::LedgerError::Kind::refused);
  session->rollback();
  CHECK(take_over(backend->ledger()).next.value == 20);
  CHECK_FALSE(session->fence_and_run("svc", move_of(mark, 30), statements).ok());  // no transaction
}

TEST_CASE("what Kafka acknowledged is kept until something newer is known") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto mark = take_over(backend->ledger());
  auto session = backend->ledger().lease();
  auto move = move_of(mark, 10);
  move.acked = {4};
  begin(*session);
  REQUIRE(fence(*session, move));
  commit(*session);
  CHECK(backend->acked("svc", "orders", 0) == "4");
  mark.next = {10};
  begin(*session);
  REQUIRE(fence(*session, move_of(mark, 20)));  // acked -1: unknown
  commit(*session);
  CHECK(backend->acked("svc", "orders", 0) == "4");
}

TEST_CASE("of two owners that race for one step exactly one wins") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  auto mark = take_over(ledger);
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> wins{0}, errors{0};
    const auto race = [&] {
      auto session = ledger.lease();
      if (!session->begin()) {
        ++errors;
        return;
      }
      auto held = session->fence("svc", move_of(mark, mark.next.value + 1));
      if (!held) {
        ++errors;
        return;
      }
      if (!*held) return;
      if (session->commit(nullptr) == runtime::CommitOutcome::committed) ++wins;
    };
    std::thread one(race), two(race);
    one.join();
    two.join();
    REQUIRE(wins == 1);
    REQUIRE(errors == 0);
    mark.next = mark.next.next();
  }
}

TEST_CASE("a take-over waits for the fence in flight and starts behind it") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  const auto mark = take_over(backend->ledger());
  auto session = backend->ledger().lease();
  begin(*session);
  REQUIRE(fence(*session, move_of(mark, 10)));
  auto next = std::async(std::launch::async, [&] { return take_over(backend->ledger()).next.value; });
  CHECK(next.wait_for(200ms) == std::future_status::timeout);
  commit(*session);
  CHECK(next.get() == 10);
}

TEST_CASE("a barrier waits for the publisher in flight, and for nobody else") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  const auto mark = take_over(backend->ledger());
  auto publisher = backend->ledger().lease();
  auto worker = backend->ledger().lease();
  const std::vector<runtime::MarkKey> marks{{"orders", 1, {0}}, {"orders", 1, {0}}, {"nowhere", 1, {9}}};
  CHECK(worker->barrier("svc", marks).ok());
  begin(*publisher);
  REQUIRE(fence(*publisher, move_of(mark, 10)));
  auto passed = std::async(std::launch::async, [&] { return worker->barrier("svc", marks).ok(); });
  CHECK(passed.wait_for(200ms) == std::future_status::timeout);
  commit(*publisher);
  CHECK(passed.get());
  begin(*worker);
  CHECK_FALSE(worker->barrier("svc", marks).ok());  // never while holding locks
}
