// What operators do with a ledger is alike on every one.
#include <future>

#include "contract/ledger_backends.h"
#include "runtime/digest.h"
#include "runtime/ledger_operations.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;
using runtime::Rewind;

namespace {

const auto due = core::from_epoch_ms(1'700'000'100'000);

// Settles up to `to` with what Kafka acknowledged.
core::Mark settle(runtime::Ledger& ledger, core::Mark mark, std::int64_t to, std::int64_t acked = -1, std::string_view topic = "orders", int partition = 0) {
  auto session = ledger.lease();
  begin(*session);
  auto move = move_of(mark, to, topic, partition);
  move.acked = {acked};
  if (!fence(*session, move)) throw std::runtime_error("the fence is stale");
  commit(*session);
  mark.next = {to};
  return mark;
}

runtime::KnownMark only_mark(runtime::Ledger& ledger) {
  auto marks = ledger.operations().marks("svc");
  if (!marks) throw std::runtime_error(marks.error().message);
  if (marks->size() != 1) throw std::runtime_error(std::to_string(marks->size()) + " marks");
  return marks->front();
}

runtime::Delegation row(const runtime::OriginKey& origin, runtime::RowState state, std::uint32_t step, core::Timestamp at = due) {
  runtime::Delegation out;
  out.origin = origin;
  out.state = state;
  out.step = {step};
  out.attempt = {step + 1};
  out.due = at;
  out.first_seen = core::from_epoch_ms(1'700'000'000'000);
  out.event_id = "evt";
  out.key = core::Bytes(std::string_view("key"));
  return out;
}

void write(runtime::Ledger& ledger, const std::vector<runtime::Delegation>& rows, std::string_view service = "svc") {
  auto session = ledger.lease();
  begin(*session);
  if (auto done = session->write_delegated(service, rows); !done) throw std::runtime_error(done.error().message);
  commit(*session);
}

std::vector<bool> rows_at(runtime::Ledger& ledger, const std::vector<runtime::OriginKey>& origins) {
  auto session = ledger.lease();
  begin(*session);
  auto rows = session->lock_delegated("svc", origins);
  if (!rows) throw std::runtime_error(rows.error().message);
  std::vector<bool> out;
  for (const auto& r : *rows) out.push_back(r.has_value());
  return out;
}

void claim_all(runtime::Ledger& ledger, const std::vector<std::string>& ids) {
  auto session = ledger.lease();
  begin(*session);
  claim(*session, ids);
  commit(*session);
}

Rewind rewind_to(std::int64_t to, Rewind::Rows rows = Rewind::Rows::keep, Rewind::Ids ids = Rewind::Ids::keep) { return {{"orders", {0}}, {to}, rows, ids}; }

runtime::RewindFacts rewound(runtime::Ledger& ledger, const Rewind& rewind) {
  auto done = ledger.operations().rewind("svc", rewind);
  if (!done) throw std::runtime_error(done.error().message);
  return *done;
}

runtime::RewindFacts looked(runtime::Ledger& ledger, const Rewind& rewind) {
  auto facts = ledger.operations().look("svc", rewind);
  if (!facts) throw std::runtime_error(facts.error().message);
  return *facts;
}

}  // namespace

TEST_CASE("marks tell all that is known of a partition") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  CHECK(ledger.operations().marks("svc")->empty());
  auto mark = take_over(ledger, "orders", 0, 5);
  take_over(ledger, "orders", 0, 5, "other");
  auto known = only_mark(ledger);
  CHECK(known.where == core::TopicPartition{"orders", {0}});
  CHECK(known.memory.mark.next.value == 5);
  CHECK(known.memory.mark.epoch == 1);
  CHECK(known.memory.mark.topic_id == 1);
  CHECK(known.memory.cluster_id == "cluster-1");
  CHECK_FALSE(known.memory.acked);
  CHECK_FALSE(known.memory.last);
  settle(ledger, mark, 10, 7);
  known = only_mark(ledger);
  CHECK(known.memory.mark.next.value == 10);
  CHECK(known.memory.acked == core::Offset{7});
  REQUIRE(known.memory.last);
  CHECK(*known.memory.last == core::Fingerprint{{9}, core::from_epoch_ms(1'700'000'000'123), 0xFEDC'BA98'7654'3210ULL});
  take_over(ledger, "orders", 1);
  take_over(ledger, "mails", 4);
  const auto all = ledger.operations().marks("svc");
  REQUIRE(all->size() == 3);
  CHECK((*all)[0].where == core::TopicPartition{"mails", {4}});
  CHECK((*all)[2].where == core::TopicPartition{"orders", {1}});
}

TEST_CASE("what Kafka acknowledged is kept for the owner, never lowered, never beyond the mark") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  const auto mark = settle(ledger, take_over(ledger), 10, 4);
  const auto acknowledge = [&](const core::Mark& of, std::int64_t acked) {
    const std::vector<runtime::Acknowledged> one{{{"orders", {0}}, of, {acked}}};
    REQUIRE(ledger.operations().acknowledge("svc", one).ok());
    return only_mark(ledger).memory.acked->value;
  };
  CHECK(acknowledge(mark, 10) == 10);
  CHECK(acknowledge(mark, 8) == 10);
  CHECK(acknowledge(mark, 11) == 10);
  const auto next = take_over(ledger);
  settle(ledger, next, 20, 10);
  CHECK(acknowledge(mark, 15) == 10);  // not the owner any more
  CHECK(acknowledge({{20}, next.epoch, next.topic_id + 1}, 15) == 10);
  CHECK(acknowledge(next, 20) == 20);
}

TEST_CASE("a rewind moves the mark, forgets what was acknowledged, and makes the owner's fence stale") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  const auto mark = settle(ledger, take_over(ledger), 10, 9);
  CHECK(rewound(ledger, rewind_to(3)).mark == core::Offset{10});
  const auto known = only_mark(ledger);
  CHECK(known.memory.mark.next.value == 3);
  CHECK(known.memory.mark.epoch == mark.epoch + 1);
  CHECK_FALSE(known.memory.acked);
  CHECK(known.memory.last);  // the topic is still told by it
  auto session = ledger.lease();
  begin(*session);
  CHECK_FALSE(fence(*session, move_of(mark, 11)));
  session->rollback();
  CHECK(take_over(ledger, "orders", 0, 999).next.value == 3);
  rewound(ledger, rewind_to(50));  // forward
  CHECK(take_over(ledger, "orders", 0, 999).next.value == 50);
}

TEST_CASE("a rewind of a partition that nobody has read yet makes its mark") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  CHECK_FALSE(looked(ledger, rewind_to(30)).mark);
  CHECK_FALSE(rewound(ledger, rewind_to(30)).mark);
  const auto mark = take_over(ledger, "orders", 0, 0);
  CHECK(mark.next.value == 30);
  CHECK(mark.topic_id == 1);
}

TEST_CASE("a rewind waits for the batch in flight") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  const auto mark = take_over(ledger);
  auto session = ledger.lease();
  begin(*session);
  REQUIRE(fence(*session, move_of(mark, 10)));
  auto done = std::async(std::launch::async, [&] { return rewound(ledger, rewind_to(2)).mark; });
  CHECK(done.wait_for(200ms) == std::future_status::timeout);
  commit(*session);
  CHECK(done.get() == core::Offset{10});
  CHECK(take_over(ledger).next.value == 2);
}

TEST_CASE("a rewind erases delegated rows from its target on where it is told to, and no other") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  settle(ledger, take_over(ledger), 10);
  take_over(ledger, "orders", 1);
  const std::vector<runtime::OriginKey> origins{origin(2), origin(3), origin(4), origin(4, "orders", 1), origin(4, "mails"), {"orders", 2, {0}, {4}}};
  std::vector<runtime::Delegation> rows;
  for (const auto& o : origins) rows.push_back(row(o, o.offset.value == 4 ? runtime::RowState::dead : runtime::RowState::retry, 1));
  write(ledger, rows);
  write(ledger, {row(origin(4), runtime::RowState::retry, 1)}, "other");
  CHECK(looked(ledger, rewind_to(3)).delegated == 2);
  CHECK(rewound(ledger, rewind_to(3)).delegated == 0);
  CHECK(rows_at(ledger, origins) == std::vector<bool>(6, true));
  CHECK(rewound(ledger, rewind_to(3, Rewind::Rows::erase)).delegated == 2);
  CHECK(rows_at(ledger, origins) == std::vector<bool>{true, false, false, true, true, true});
  CHECK(ledger.operations().count_stuck("other", due + std::chrono::seconds(1)).value() == 1);
}

TEST_CASE("a rewind forgets settled ids from its target on where it is told to, and no other") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  settle(ledger, take_over(ledger), 10);
  claim_all(ledger, {"a", "b", "c", "d"});  // offsets 0 to 3
  {
    auto session = ledger.lease();
    begin(*session);
    CHECK(session->set_id_states("svc", std::vector<std::string_view>{"c"}, runtime::RowState::retry).ok());
    const IdRows elsewhere({"x", "y", "z"}, "mails");
    std::vector<std::uint8_t> flags(3);
    CHECK(session->claim_ids("svc", elsewhere, flags).ok());
    commit(*session);
  }
  const auto facts = looked(ledger, rewind_to(1));
  CHECK(facts.ids == 3);
  CHECK(facts.done_ids == 2);
  CHECK(rewound(ledger, rewind_to(1)).done_ids == 0);
  auto session = ledger.lease();
  CHECK(find(*session, {"a", "b", "c", "d"}) == std::vector<int>{1, 1, 1, 1});
  CHECK(rewound(ledger, rewind_to(1, Rewind::Rows::keep, Rewind::Ids::forget)).done_ids == 2);
  CHECK(find(*session, {"a", "b", "c", "d"}) == std::vector<int>{1, 0, 1, 0});
  CHECK(find(*session, {"x", "y", "z"}) == std::vector<int>{1, 1, 1});
}

TEST_CASE("a rewind erases the key rows whose head is from its target on") {
  HOSTLER_ON_EVERY_DATABASE(backend);
  auto& ledger = backend->ledger();
  settle(ledger, take_over(ledger), 10);
  const auto insert = [&](char first, const std::string& head) {
    const std::string blob = ledger.dialect() == runtime::SqlDialect::sqlite ? "x'" + std::string(2, first) + std::string(30, '0') + "'" : "'\\x" + std::string(2, first) + std::string(30, '0') + "'";
    backend->database().exec("INSERT INTO hostler_key VALUES ('svc', 'orders', 1, 0, " + blob + ", " + head + ")");
  };
  insert('a', "2");
  insert('b', "5");
  insert('c', "NULL");
  rewound(ledger, rewind_to(3));
  CHECK(backend->database().value("SELECT count(*) FROM hostler_key") == "3");
  rewound(ledger, rewind_to(3, Rewind::Rows::erase));
  CHECK(backend->database().value("SELECT count(*) FROM hostler_key WHERE head_offset IS NULL OR head_offset = 2") == "2");
  CHECK(backend->database().value("SELECT count(*) FROM hostler_key") == "2");
}

TEST_CASE("an adopted topic has marks of a new generation, and the old ones stay") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  const auto old = settle(ledger, take_over(ledger), 10, 9);
  take_over(ledger, "mails", 0, 3);
  write(ledger, {row(origin(4), runtime::RowState::retry, 1)});
  const auto adopted = ledger.operations().adopt("svc", {"orders", "cluster-2", {{{0}, {2}}, {{1}, {7}}}});
  REQUIRE(adopted.ok());
  CHECK(*adopted == 2);
  {
    auto session = ledger.lease();
    begin(*session);
    CHECK_FALSE(fence(*session, move_of(old, 11)));
  }
  const auto marks = ledger.operations().marks("svc");
  REQUIRE(marks->size() == 3);
  CHECK((*marks)[0].where.topic == "mails");
  CHECK((*marks)[1].memory.mark.next.value == 2);
  CHECK((*marks)[1].memory.cluster_id == "cluster-2");
  CHECK_FALSE((*marks)[1].memory.last);
  CHECK_FALSE((*marks)[1].memory.acked);
  const auto fresh = take_over(ledger, "orders", 0, 999);
  CHECK(fresh.topic_id == 2);
  CHECK(fresh.next.value == 2);
  CHECK(take_over(ledger, "orders", 1, 999).next.value == 7);
  settle(ledger, fresh, 5);
  CHECK(rows_at(ledger, {origin(4)}) == std::vector<bool>{true});
  CHECK(*ledger.operations().adopt("svc", {"orders", "cluster-2", {{{0}, {0}}}}) == 3);
  CHECK(*ledger.operations().adopt("svc", {"never-read", "cluster-2", {{{0}, {0}}}}) == 1);
}

TEST_CASE("stuck records are those that wait for a copy long past its time, the longest first") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  auto& operations = ledger.operations();
  const auto now = due + std::chrono::hours(1);
  auto no_key = row(origin(3), runtime::RowState::retry, 4, due - std::chrono::milliseconds(1));
  no_key.key = {};
  no_key.event_id = {};
  write(ledger, {row(origin(1), runtime::RowState::retry, 2), row(origin(2), runtime::RowState::dead, 2), no_key, row(origin(5), runtime::RowState::retry, 1, now)});
  write(ledger, {row(origin(9), runtime::RowState::retry, 2)}, "other");
  CHECK(operations.count_stuck("svc", due - std::chrono::seconds(1)).value() == 0);
  CHECK(operations.count_stuck("svc", now).value() == 2);
  CHECK(operations.count_stuck("svc", now + std::chrono::milliseconds(1)).value() == 3);
  const auto found = operations.stuck("svc", now, 10);
  REQUIRE(found.ok());
  REQUIRE(found->size() == 2);
  const auto& first = (*found)[0];
  CHECK(first.offset.value == 3);
  CHECK(first.row.step.value == 4);
  CHECK(first.row.event_id.empty());
  CHECK_FALSE(first.key_hash);
  const auto& second = (*found)[1];
  CHECK(second.topic == "orders");
  CHECK(second.topic_id == 1);
  CHECK(second.partition.value == 0);
  CHECK(second.offset.value == 1);
  CHECK(second.row.state == runtime::RowState::retry);
  CHECK(second.row.attempt.value == 3);
  CHECK(second.row.due == due);
  CHECK(second.row.first_seen == core::from_epoch_ms(1'700'000'000'000));
  CHECK(second.row.event_id == "evt");
  const auto hash = runtime::sha256_16("key");
  REQUIRE(second.key_hash);
  CHECK(*second.key_hash == std::string(hash.begin(), hash.end()));
  CHECK(operations.stuck("svc", now, 1)->size() == 1);
}

TEST_CASE("a record whose copy was published again is due later, unless it has moved on") {
  HOSTLER_ON_EVERY_LEDGER(backend);
  auto& ledger = backend->ledger();
  auto& operations = ledger.operations();
  const auto later = due + std::chrono::hours(1);
  write(ledger, {row(origin(1), runtime::RowState::retry, 2), row(origin(2), runtime::RowState::dead, 2)});
  REQUIRE(operations.postpone("svc", origin(1), {1}, later).ok());
  REQUIRE(operations.postpone("svc", origin(2), {2}, later).ok());
  REQUIRE(operations.postpone("svc", origin(7), {2}, later).ok());
  CHECK(operations.stuck("svc", later, 10)->size() == 1);
  REQUIRE(operations.postpone("svc", origin(1), {2}, later).ok());
  CHECK(operations.stuck("svc", later, 10)->empty());
  CHECK(operations.stuck("svc", later + std::chrono::seconds(1), 10)->front().row.due == later);
}

TEST_CASE("operations on a ledger without its tables say how to make them") {
  PostgresSchema schema;
  auto ledger = store::open_ledger({schema.url(), 2}, {});
  REQUIRE(ledger.ok());
  const auto marks = (*ledger)->operations().marks("svc");
  REQUIRE_FALSE(marks.ok());
  CHECK_THAT(marks.error().message, contains("hostler ledger migrate"));
}
