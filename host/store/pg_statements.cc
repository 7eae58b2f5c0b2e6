#include "store/pg_statements.h"

#include <algorithm>
#include <charconv>

#include "runtime/digest.h"
#include "store/pg_text.h"
#include "store/row_state.h"
#include "store/sorted.h"

namespace hostler::store {
namespace {

using soci::use;

// Years 1970 to 9999: record timestamps are the producers' and may be anything.
long long storable_ms(core::Timestamp t) { return std::clamp<long long>(core::to_epoch_ms(t), 0, 253'402'300'799'000); }

// The four arrays of origins, by which rows are found.
struct OriginArrays {
  std::string topics, topic_ids, partitions, offsets;

  template <class T, class Get>
  void fill(std::span<const T> items, std::span<const std::size_t> order, Get origin_of) {
    ArrayLiteral t(topics), i(topic_ids), p(partitions), o(offsets);
    for (const std::size_t at : order) {
      const runtime::OriginKey& origin = origin_of(items[at]);
      t.text(origin.topic);
      i.number(origin.topic_id);
      p.number(origin.partition.value);
      o.number(origin.offset.value);
    }
    for (ArrayLiteral* a : {&t, &i, &p, &o}) a->close();
  }
};

constexpr const char* origins_sql =
    "unnest(cast(:topics as text[]), cast(:topic_ids as integer[]), cast(:partitions as integer[]), cast(:offsets as bigint[]))";

}  // namespace

struct PgStatements::WaitForMark {
  std::string service, topic;
  long long topic_id = 0, partition = 0, one = 0;
  soci::statement st;
  explicit WaitForMark(soci::session& s)
      : st((s.prepare << "SELECT 1 FROM hostler_mark WHERE service = :service AND topic = :topic AND topic_id = :topic_id AND partition = :partition "
                         "FOR UPDATE",
            use(service, "service"), use(topic, "topic"), use(topic_id, "topic_id"), use(partition, "partition"), soci::into(one))) {}
};

struct PgStatements::WriteDelegated {
  std::string service;
  OriginArrays origins;
  std::string states, steps, attempts, dues, first_seens, keys, ids, records;
  soci::statement st;
  explicit WriteDelegated(soci::session& s)
      : st((s.prepare << "INSERT INTO hostler_delegated (service, topic, topic_id, partition, record_offset, state, step, attempt, due, first_seen, "
                         "key_hash, event_id, record) "
                         "SELECT cast(:service as text), u.topic, u.topic_id, u.part, u.off, u.state, u.step, u.attempt, to_timestamp(u.due / 1000.0), "
                         "to_timestamp(u.seen / 1000.0), u.key, u.id, u.record FROM unnest(cast(:topics as text[]), cast(:topic_ids as integer[]), "
                         "cast(:partitions as integer[]), cast(:offsets as bigint[]), cast(:states as text[]), cast(:steps as integer[]), "
                         "cast(:attempts as integer[]), cast(:dues as bigint[]), cast(:seens as bigint[]), cast(:keys as bytea[]), cast(:ids as text[]), "
                         "cast(:records as bytea[])) AS u(topic, topic_id, part, off, state, step, attempt, due, seen, key, id, record) "
                         "ON CONFLICT (service, topic, topic_id, partition, record_offset) DO UPDATE SET state = excluded.state, step = excluded.step, "
                         "attempt = excluded.attempt, due = excluded.due, first_seen = excluded.first_seen, key_hash = excluded.key_hash, "
                         "event_id = excluded.event_id, record = excluded.record",
            use(service, "service"), use(origins.topics, "topics"), use(origins.topic_ids, "topic_ids"), use(origins.partitions, "partitions"),
            use(origins.offsets, "offsets"), use(states, "states"), use(steps, "steps"), use(attempts, "attempts"), use(dues, "dues"),
            use(first_seens, "seens"), use(keys, "keys"), use(ids, "ids"), use(records, "records"))) {}
};

PgStatements::PgStatements(soci::session& session) : session_(session) {}
PgStatements::~PgStatements() = default;

template <class S>
S& PgStatements::prepared(std::unique_ptr<S>& statement) {
  if (!statement) statement = std::make_unique<S>(session_);
  return *statement;
}

// found[i] = 1 for each id that has a row under `condition`: one index probe each.
void PgStatements::probe_ids(std::string_view condition, std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> found) {
  std::fill(found.begin(), found.end(), std::uint8_t{0});
  const std::string owner(service);
  std::string array, numbers;
  ArrayLiteral literal(array);
  for (const auto& row : ids) literal.text(row.event_id);
  literal.close();
  session_ << "SELECT coalesce(string_agg(cast(u.n as text), ','), '') FROM unnest(cast(:ids as text[])) WITH ORDINALITY AS u(id, n) "
              "CROSS JOIN LATERAL (SELECT 1 FROM processed_events p WHERE p.event_id = u.id AND p.service_name = :service"
           << condition << " LIMIT 1) AS found",
      use(array), use(owner), soci::into(numbers);
  for (const char *at = numbers.data(), *end = at + numbers.size(); at < end;) {
    std::size_t n = 0;
    at = std::from_chars(at, end, n).ptr + 1;
    found[n - 1] = 1;
  }
}

void PgStatements::find_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> settled) {
  probe_ids("", service, ids, settled);
}

void PgStatements::read_claims(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> claimed) {
  // processed_at is the start of the inserting transaction. xmin alone repeats after four billion transactions.
  probe_ids(" AND p.xmin = cast(pg_current_xact_id() as xid) AND p.processed_at = now()", service, ids, claimed);
  const auto order = sorted(ids);  // a twin's row is the first one's
  for (std::size_t i = 1; i < order.size(); ++i)
    if (ids[order[i]].event_id == ids[order[i - 1]].event_id) claimed[order[i]] = 0;
}

void PgStatements::set_id_states(std::string_view service, std::span<const std::string_view> ids, runtime::RowState state) {
  const std::string owner(service), text(to_text(state));
  std::string array;
  ArrayLiteral literal(array);
  for (const std::size_t i : sorted_once(ids)) literal.text(ids[i]);
  literal.close();
  // Settled now, by the clock and not by the transaction's start: that is how read_claims tells rows that the transaction inserted.
  session_ << "UPDATE processed_events SET state = :state" << (state == runtime::RowState::done ? ", processed_at = clock_timestamp()" : "")
           << " WHERE service_name = :service AND event_id = ANY(cast(:ids as text[]))", use(text), use(owner),
      use(array);
}

void PgStatements::wait_for_mark(std::string_view service, const runtime::MarkKey& mark) {
  WaitForMark& s = prepared(wait_for_mark_);
  s.service = service;
  s.topic = mark.topic;
  s.topic_id = mark.topic_id;
  s.partition = mark.partition.value;
  s.st.execute(true);
}

std::vector<std::optional<runtime::Delegated>> PgStatements::lock_delegated(std::string_view service, std::span<const runtime::OriginKey> origins) {
  std::vector<std::optional<runtime::Delegated>> out(origins.size());
  if (origins.empty()) return out;
  const std::string owner(service);
  const auto order = sorted(origins);
  OriginArrays arrays;
  arrays.fill(origins, order, [](const runtime::OriginKey& o) -> const runtime::OriginKey& { return o; });
  std::vector<long long> numbers(order.size()), steps(order.size()), attempts(order.size()), dues(order.size()), seens(order.size());
  std::vector<std::string> states(order.size()), ids(order.size());
  // One index probe each, in the order of the array: that is the order of the locks.
  session_ << "SELECT u.n, d.state, d.step, d.attempt, cast(round(extract(epoch FROM d.due) * 1000) as bigint), "
              "cast(round(extract(epoch FROM d.first_seen) * 1000) as bigint), coalesce(d.event_id, '') FROM "
           << origins_sql
           << " WITH ORDINALITY AS u(topic, topic_id, part, off, n) CROSS JOIN LATERAL (SELECT * FROM hostler_delegated r WHERE r.service = :service "
              "AND r.topic = u.topic AND r.topic_id = u.topic_id AND r.partition = u.part AND r.record_offset = u.off LIMIT 1 FOR UPDATE) AS d",
      use(arrays.topics), use(arrays.topic_ids), use(arrays.partitions), use(arrays.offsets), use(owner), soci::into(numbers), soci::into(states),
      soci::into(steps), soci::into(attempts), soci::into(dues), soci::into(seens), soci::into(ids);
  if (!session_.got_data()) return out;  // SOCI leaves the vectors as they are
  for (std::size_t i = 0; i < numbers.size(); ++i)
    out[order[static_cast<std::size_t>(numbers[i]) - 1]] =
        runtime::Delegated{row_state(states[i]), {static_cast<std::uint32_t>(steps[i])}, {static_cast<std::uint32_t>(attempts[i])},
                           core::from_epoch_ms(dues[i]), core::from_epoch_ms(seens[i]), std::move(ids[i])};
  return out;
}

void PgStatements::write_delegated(std::string_view service, std::span<const runtime::Delegation> rows) {
  WriteDelegated& s = prepared(write_delegated_);
  // One statement must not touch a row twice: of twins the last counts.
  auto order = sorted(rows);
  const auto last = std::unique(order.rbegin(), order.rend(), [&](std::size_t a, std::size_t b) { return order_of(rows[a]) == order_of(rows[b]); });
  order.erase(order.begin(), last.base());
  s.service = service;
  s.origins.fill(rows, order, [](const runtime::Delegation& d) -> const runtime::OriginKey& { return d.origin; });
  ArrayLiteral states(s.states), steps(s.steps), attempts(s.attempts), dues(s.dues), seens(s.first_seens), keys(s.keys), ids(s.ids), records(s.records);
  for (const std::size_t i : order) {
    const auto& d = rows[i];
    states.text(to_text(d.state));
    steps.number(d.step.value);
    attempts.number(d.attempt.value);
    dues.number(storable_ms(d.due));
    seens.number(storable_ms(d.first_seen));
    if (d.key.is_null()) {
      keys.null();
    } else {
      const auto hash = runtime::sha256_16(d.key.view());
      keys.hex({reinterpret_cast<const char*>(hash.data()), hash.size()});
    }
    if (d.event_id.empty()) ids.null();
    else ids.text(d.event_id);
    if (d.stored_record) records.hex(*d.stored_record);
    else records.null();
  }
  for (ArrayLiteral* a : {&states, &steps, &attempts, &dues, &seens, &keys, &ids, &records}) a->close();
  s.st.execute(true);
  // A record may be large: do not keep it.
  if (s.records.capacity() > std::size_t{1} << 20) std::string().swap(s.records);
}

void PgStatements::erase_delegated(std::string_view service, std::span<const runtime::OriginKey> origins) { erase_at("hostler_delegated", service, origins); }

void PgStatements::erase_suspects(std::string_view service, std::span<const runtime::OriginKey> places) { erase_at("hostler_suspect", service, places); }

void PgStatements::erase_at(const char* table, std::string_view service, std::span<const runtime::OriginKey> places) {
  const std::string owner(service);
  OriginArrays arrays;
  arrays.fill(places, sorted_once(places), [](const runtime::OriginKey& o) -> const runtime::OriginKey& { return o; });
  session_ << "DELETE FROM " << table << " WHERE service = :service AND (topic, topic_id, partition, record_offset) IN (SELECT * FROM " << origins_sql << ")",
      use(owner), use(arrays.topics), use(arrays.topic_ids), use(arrays.partitions), use(arrays.offsets);
}

}  // namespace hostler::store
