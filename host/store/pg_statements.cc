#include "store/pg_statements.h"

#include <algorithm>

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

// One index probe per id. With event_id = ANY(:ids) a plan made while the table was small reads the whole table in each batch, and is kept
// until somebody analyzes it: 250 ms a batch at 5,000 rows (measured).
struct PgStatements::FindIds {
  std::string service, ids, found;
  soci::statement st;
  explicit FindIds(soci::session& s)
      : st((s.prepare << "SELECT found.event_id FROM unnest(cast(:ids as text[])) AS u(id) CROSS JOIN LATERAL "
                         "(SELECT p.event_id FROM processed_events p WHERE p.service_name = :service AND p.event_id = u.id LIMIT 1) AS found",
            use(service, "service"), use(ids, "ids"), soci::into(found))) {}
};

struct PgStatements::ReadClaims {
  std::string service, ids, found;
  soci::statement st;
  // processed_at is the start of the inserting transaction. xmin alone repeats after four billion transactions.
  explicit ReadClaims(soci::session& s)
      : st((s.prepare << "SELECT found.event_id FROM unnest(cast(:ids as text[])) AS u(id) CROSS JOIN LATERAL "
                         "(SELECT p.event_id FROM processed_events p WHERE p.service_name = :service AND p.event_id = u.id "
                         "AND p.xmin = cast(pg_current_xact_id() as xid) AND p.processed_at = now() LIMIT 1) AS found",
            use(service, "service"), use(ids, "ids"), soci::into(found))) {}
};

struct PgStatements::SetIdStates {
  std::string service, ids, state;
  soci::statement st;
  explicit SetIdStates(soci::session& s)
      : st((s.prepare << "UPDATE processed_events SET state = :state WHERE service_name = :service AND event_id = ANY(cast(:ids as text[]))",
            use(state, "state"), use(service, "service"), use(ids, "ids"))) {}
};

struct PgStatements::WaitForMark {
  std::string service, topic;
  long long topic_id = 0, partition = 0, one = 0;
  soci::statement st;
  explicit WaitForMark(soci::session& s)
      : st((s.prepare << "SELECT 1 FROM hostler_mark WHERE service = :service AND topic = :topic AND topic_id = :topic_id AND partition = :partition "
                         "FOR UPDATE",
            use(service, "service"), use(topic, "topic"), use(topic_id, "topic_id"), use(partition, "partition"), soci::into(one))) {}
};

struct PgStatements::LockDelegated {
  std::string service;
  OriginArrays origins;
  std::string topic, state, event_id;
  long long topic_id = 0, partition = 0, offset = 0, step = 0, attempt = 0, due = 0, first_seen = 0;
  soci::statement st;
  explicit LockDelegated(soci::session& s)
      : st((s.prepare << std::string("SELECT topic, topic_id, partition, record_offset, state, step, attempt, "
                                     "cast(round(extract(epoch FROM due) * 1000) as bigint), "
                                     "cast(round(extract(epoch FROM first_seen) * 1000) as bigint), coalesce(event_id, '') "
                                     "FROM hostler_delegated WHERE service = :service AND (topic, topic_id, partition, record_offset) IN "
                                     "(SELECT * FROM ") + origins_sql + ") ORDER BY topic, topic_id, partition, record_offset FOR UPDATE",
            use(service, "service"), use(origins.topics, "topics"), use(origins.topic_ids, "topic_ids"), use(origins.partitions, "partitions"),
            use(origins.offsets, "offsets"), soci::into(topic), soci::into(topic_id), soci::into(partition), soci::into(offset), soci::into(state),
            soci::into(step), soci::into(attempt), soci::into(due), soci::into(first_seen), soci::into(event_id))) {}
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

struct PgStatements::EraseDelegated {
  std::string service;
  OriginArrays origins;
  soci::statement st;
  explicit EraseDelegated(soci::session& s)
      : st((s.prepare << std::string("DELETE FROM hostler_delegated WHERE service = :service AND (topic, topic_id, partition, record_offset) IN "
                                     "(SELECT * FROM ") + origins_sql + ")",
            use(service, "service"), use(origins.topics, "topics"), use(origins.topic_ids, "topic_ids"), use(origins.partitions, "partitions"),
            use(origins.offsets, "offsets"))) {}
};

PgStatements::PgStatements(soci::session& session) : session_(session) {}
PgStatements::~PgStatements() = default;

template <class S>
S& PgStatements::prepared(std::unique_ptr<S>& statement) {
  if (!statement) statement = std::make_unique<S>(session_);
  return *statement;
}

// Sets found[i] of the first of each id that the statement returns; of all its twins if `twins`.
template <class Statement>
void read_ids(Statement& s, std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> found, bool twins) {
  std::fill(found.begin(), found.end(), std::uint8_t{0});
  const auto order = sorted(ids);
  s.service = service;
  ArrayLiteral array(s.ids);
  for (const std::size_t i : order) array.text(ids[i].event_id);
  array.close();
  s.st.execute();
  while (s.st.fetch()) {
    const std::string_view id = s.found;
    auto at = std::lower_bound(order.begin(), order.end(), id, [&](std::size_t i, std::string_view wanted) { return ids[i].event_id < wanted; });
    for (; at != order.end() && ids[*at].event_id == id; ++at) {
      found[*at] = 1;
      if (!twins) break;
    }
  }
}

void PgStatements::find_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> settled) {
  read_ids(prepared(find_ids_), service, ids, settled, true);
}

void PgStatements::read_claims(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> claimed) {
  read_ids(prepared(read_claims_), service, ids, claimed, false);
}

void PgStatements::set_id_states(std::string_view service, std::span<const std::string_view> ids, runtime::RowState state) {
  SetIdStates& s = prepared(set_id_states_);
  s.service = service;
  s.state = to_text(state);
  ArrayLiteral array(s.ids);
  for (const std::size_t i : sorted_once(ids)) array.text(ids[i]);
  array.close();
  s.st.execute(true);
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
  LockDelegated& s = prepared(lock_delegated_);
  const auto order = sorted(origins);
  s.service = service;
  s.origins.fill(origins, order, [](const runtime::OriginKey& o) -> const runtime::OriginKey& { return o; });
  std::vector<std::optional<runtime::Delegated>> out(origins.size());
  s.st.execute();
  while (s.st.fetch()) {
    const runtime::OriginKey key{s.topic, static_cast<std::int32_t>(s.topic_id), {static_cast<std::int32_t>(s.partition)}, {s.offset}};
    auto at = std::lower_bound(order.begin(), order.end(), order_of(key), [&](std::size_t i, const auto& k) { return order_of(origins[i]) < k; });
    for (; at != order.end() && order_of(origins[*at]) == order_of(key); ++at)
      out[*at] = runtime::Delegated{row_state(s.state), {static_cast<std::uint32_t>(s.step)}, {static_cast<std::uint32_t>(s.attempt)},
                                    core::from_epoch_ms(s.due), core::from_epoch_ms(s.first_seen), s.event_id};
  }
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

void PgStatements::erase_delegated(std::string_view service, std::span<const runtime::OriginKey> origins) {
  EraseDelegated& s = prepared(erase_delegated_);
  s.service = service;
  s.origins.fill(origins, sorted_once(origins), [](const runtime::OriginKey& o) -> const runtime::OriginKey& { return o; });
  s.st.execute(true);
}

}  // namespace hostler::store
