#include "store/sqlite_statements.h"

#include <algorithm>

#include "runtime/digest.h"
#include "store/row_state.h"
#include "store/utf8.h"

namespace hostler::store {

using soci::use;

namespace {

constexpr const char* at_origin =
    " WHERE service = :service AND topic = :topic AND topic_id = :topic_id AND partition = :partition AND record_offset = :off";

// An origin as statements bind it.
struct Origin {
  std::string service, topic;
  long long topic_id = 0, partition = 0, offset = 0;
  void set(std::string_view of_service, const runtime::OriginKey& o) {
    service = of_service;
    topic = o.topic;
    topic_id = o.topic_id;
    partition = o.partition.value;
    offset = o.offset.value;
  }
};

// A nullable string: text, or bytes behind cast(… as blob).
struct Nullable {
  std::string value;
  soci::indicator indicator = soci::i_null;
  void clear() {
    value.clear();
    indicator = soci::i_null;
  }
  void set(std::string_view v) {
    value = v;
    indicator = soci::i_ok;
  }
};

}  // namespace

struct SqliteStatements::FindId {
  std::string service, id;
  long long one = 0;
  soci::statement st;
  explicit FindId(soci::session& s)
      : st((s.prepare << "SELECT 1 FROM processed_events WHERE event_id = :id AND service_name = :service", use(id, "id"), use(service, "service"),
            soci::into(one))) {}
};

struct SqliteStatements::ClaimId {
  std::string service, id, topic;
  Nullable type;
  long long partition = 0, offset = 0;
  soci::statement st;
  explicit ClaimId(soci::session& s)
      : st((s.prepare << "INSERT INTO processed_events (event_id, service_name, event_type, topic, partition, record_offset) "
                         "VALUES (:id, :service, :type, :topic, :partition, :off) ON CONFLICT (event_id, service_name) DO NOTHING",
            use(id, "id"), use(service, "service"), use(type.value, type.indicator, "type"), use(topic, "topic"), use(partition, "partition"),
            use(offset, "off"))) {}
};

struct SqliteStatements::SetIdState {
  std::string service, id, state;
  long long settled = 0;
  soci::statement st;
  explicit SetIdState(soci::session& s)
      : st((s.prepare << "UPDATE processed_events SET state = :state, processed_at = "
                         "CASE :settled WHEN 1 THEN strftime('%Y-%m-%dT%H:%M:%fZ', 'now') ELSE processed_at END "
                         "WHERE event_id = :id AND service_name = :service",
            use(state, "state"), use(settled, "settled"), use(id, "id"), use(service, "service"))) {}
};

struct SqliteStatements::Fence {
  std::string service, topic;
  long long topic_id = 0, partition = 0, from = 0, epoch = 0, to = 0, acked = 0, last_offset = 0, last_timestamp = 0, last_hash = 0;
  soci::statement st;
  explicit Fence(soci::session& s)
      : st((s.prepare << "UPDATE hostler_mark SET next_offset = :to, acked_offset = coalesce(nullif(:acked, -1), acked_offset), "
                         "last_offset = :last_offset, last_timestamp = :last_timestamp, last_hash = :last_hash "
                         "WHERE service = :service AND topic = :topic AND topic_id = :topic_id AND partition = :partition "
                         "AND next_offset = :from AND epoch = :epoch",
            use(to, "to"), use(acked, "acked"), use(last_offset, "last_offset"), use(last_timestamp, "last_timestamp"), use(last_hash, "last_hash"),
            use(service, "service"), use(topic, "topic"), use(topic_id, "topic_id"), use(partition, "partition"), use(from, "from"),
            use(epoch, "epoch"))) {}
};

struct SqliteStatements::ReadDelegated {
  Origin origin;
  std::string state, event_id;
  long long step = 0, attempt = 0, due = 0, first_seen = 0;
  soci::statement st;
  explicit ReadDelegated(soci::session& s)
      : st((s.prepare << std::string("SELECT state, step, attempt, due, first_seen, coalesce(event_id, '') FROM hostler_delegated") + at_origin,
            use(origin.service, "service"), use(origin.topic, "topic"), use(origin.topic_id, "topic_id"), use(origin.partition, "partition"),
            use(origin.offset, "off"), soci::into(state), soci::into(step), soci::into(attempt), soci::into(due), soci::into(first_seen),
            soci::into(event_id))) {}
};

struct SqliteStatements::WriteDelegated {
  Origin origin;
  std::string state;
  Nullable key, event_id, record;
  long long step = 0, attempt = 0, due = 0, first_seen = 0;
  soci::statement st;
  explicit WriteDelegated(soci::session& s)
      : st((s.prepare << "INSERT INTO hostler_delegated (service, topic, topic_id, partition, record_offset, state, step, attempt, due, first_seen, "
                         "key_hash, event_id, record) VALUES (:service, :topic, :topic_id, :partition, :off, :state, :step, :attempt, :due, :seen, "
                         "cast(:key as blob), :id, cast(:record as blob)) "
                         "ON CONFLICT (service, topic, topic_id, partition, record_offset) DO UPDATE SET state = excluded.state, step = excluded.step, "
                         "attempt = excluded.attempt, due = excluded.due, first_seen = excluded.first_seen, key_hash = excluded.key_hash, "
                         "event_id = excluded.event_id, record = excluded.record",
            use(origin.service, "service"), use(origin.topic, "topic"), use(origin.topic_id, "topic_id"), use(origin.partition, "partition"),
            use(origin.offset, "off"), use(state, "state"), use(step, "step"), use(attempt, "attempt"), use(due, "due"), use(first_seen, "seen"),
            use(key.value, key.indicator, "key"), use(event_id.value, event_id.indicator, "id"), use(record.value, record.indicator, "record"))) {}
};

struct SqliteStatements::EraseDelegated {
  Origin origin;
  soci::statement st;
  explicit EraseDelegated(soci::session& s)
      : st((s.prepare << std::string("DELETE FROM hostler_delegated") + at_origin, use(origin.service, "service"), use(origin.topic, "topic"),
            use(origin.topic_id, "topic_id"), use(origin.partition, "partition"), use(origin.offset, "off"))) {}
};

SqliteStatements::SqliteStatements(soci::session& session) : session_(session) {}
SqliteStatements::~SqliteStatements() = default;

template <class S>
S& SqliteStatements::prepared(std::unique_ptr<S>& statement) {
  if (!statement) statement = std::make_unique<S>(session_);
  return *statement;
}

void SqliteStatements::find_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> settled) {
  FindId& s = prepared(find_id_);
  s.service = service;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    s.id = ids[i].event_id;
    settled[i] = 0;
    s.st.execute();
    while (s.st.fetch()) settled[i] = 1;
  }
}

void SqliteStatements::claim_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> claimed) {
  ClaimId& s = prepared(claim_id_);
  s.service = service;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto& row = ids[i];
    s.id = row.event_id;
    if (row.event_type.empty()) s.type.clear();
    else s.type.set(plain_text(row.event_type, 255));
    s.topic = row.topic;
    s.partition = row.partition.value;
    s.offset = row.offset.value;
    s.st.execute(true);
    claimed[i] = s.st.get_affected_rows() == 1 ? 1 : 0;
  }
}

void SqliteStatements::set_id_states(std::string_view service, std::span<const std::string_view> ids, runtime::RowState state) {
  SetIdState& s = prepared(set_id_state_);
  s.service = service;
  s.state = to_text(state);
  s.settled = state == runtime::RowState::done ? 1 : 0;
  for (const auto id : ids) {
    s.id = id;
    s.st.execute(true);
  }
}

bool SqliteStatements::fence(std::string_view service, const runtime::MarkMove& move) {
  Fence& s = prepared(fence_);
  s.service = service;
  s.topic = move.key.topic;
  s.topic_id = move.key.topic_id;
  s.partition = move.key.partition.value;
  s.from = move.from.next.value;
  s.epoch = move.from.epoch;
  s.to = move.to.value;
  s.acked = move.acked.value;
  s.last_offset = move.last_offset.value;
  s.last_timestamp = core::to_epoch_ms(move.last_timestamp);
  s.last_hash = static_cast<long long>(move.last_hash);
  s.st.execute(true);
  return s.st.get_affected_rows() == 1;
}

std::vector<std::optional<runtime::Delegated>> SqliteStatements::read_delegated(std::string_view service, std::span<const runtime::OriginKey> origins) {
  ReadDelegated& s = prepared(read_delegated_);
  std::vector<std::optional<runtime::Delegated>> out(origins.size());
  for (std::size_t i = 0; i < origins.size(); ++i) {
    s.origin.set(service, origins[i]);
    s.st.execute();
    while (s.st.fetch())
      out[i] = runtime::Delegated{row_state(s.state), {static_cast<std::uint32_t>(s.step)}, {static_cast<std::uint32_t>(s.attempt)},
                                  core::from_epoch_ms(s.due), core::from_epoch_ms(s.first_seen), s.event_id};
  }
  return out;
}

void SqliteStatements::write_delegated(std::string_view service, std::span<const runtime::Delegation> rows) {
  WriteDelegated& s = prepared(write_delegated_);
  for (const auto& d : rows) {
    s.origin.set(service, d.origin);
    s.state = to_text(d.state);
    s.step = d.step.value;
    s.attempt = d.attempt.value;
    s.due = core::to_epoch_ms(d.due);
    s.first_seen = core::to_epoch_ms(d.first_seen);
    s.key.clear();
    if (!d.key.is_null()) {
      const auto hash = runtime::sha256_16(d.key.view());
      s.key.set({reinterpret_cast<const char*>(hash.data()), hash.size()});
    }
    s.event_id.clear();
    if (!d.event_id.empty()) s.event_id.set(d.event_id);
    s.record.clear();
    if (d.stored_record) s.record.set(*d.stored_record);
    s.st.execute(true);
  }
}

void SqliteStatements::erase_delegated(std::string_view service, std::span<const runtime::OriginKey> origins) {
  EraseDelegated& s = prepared(erase_delegated_);
  for (const auto& o : origins) {
    s.origin.set(service, o);
    s.st.execute(true);
  }
}

// Rare, so that its statements are not kept.
std::vector<core::Mark> SqliteStatements::take_over(std::string_view service, std::string_view cluster_id, std::span<const runtime::TakeOver> partitions) {
  std::vector<core::Mark> out;
  const std::string owner(service), cluster(cluster_id);
  for (const auto& p : partitions) {
    const std::string topic = p.where.topic;
    const long long partition = p.where.partition.value, start = p.start.value;
    long long topic_id = 0, next = 0, epoch = 0;
    // A mark of the topic's highest generation, which is 1 on first sight.
    session_ << "SELECT coalesce(max(topic_id), 1) + 0 FROM hostler_mark WHERE service = :service AND topic = :topic", use(owner), use(topic),
        soci::into(topic_id);
    session_ << "INSERT INTO hostler_mark (service, topic, topic_id, partition, next_offset) VALUES (:service, :topic, :id, :partition, :start) "
                "ON CONFLICT DO NOTHING",
        use(owner), use(topic), use(topic_id), use(partition), use(start);
    session_ << "UPDATE hostler_mark SET epoch = epoch + 1, cluster_id = coalesce(cluster_id, nullif(:cluster, '')) "
                "WHERE service = :service AND topic = :topic AND topic_id = :id AND partition = :partition",
        use(cluster), use(owner), use(topic), use(topic_id), use(partition);
    session_ << "SELECT next_offset, epoch FROM hostler_mark WHERE service = :service AND topic = :topic AND topic_id = :id AND partition = :partition",
        use(owner), use(topic), use(topic_id), use(partition), soci::into(next), soci::into(epoch);
    out.push_back({{next}, epoch, static_cast<std::int32_t>(topic_id)});
  }
  return out;
}

}  // namespace hostler::store
