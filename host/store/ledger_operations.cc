#include "store/ledger_operations.h"

#include <string>
#include <utility>

namespace hostler::store {

using runtime::LedgerError;
using runtime::LedgerStatus;
using runtime::SqlType;
using runtime::SqlValue;
using Row = std::span<const SqlValue>;

namespace {

constexpr int most_tries = 5;

constexpr std::string_view latest =
    "topic_id = (SELECT max(x.topic_id) FROM hostler_mark x WHERE x.service = m.service AND x.topic = m.topic)";
constexpr std::string_view from_target_on = "service = $1 AND topic = $2 AND topic_id = $3 AND partition = $4 AND record_offset >= $5";
constexpr std::string_view ids_from_target_on = "service_name = $1 AND topic = $2 AND partition = $3 AND record_offset >= $4";

SqlValue text(std::string_view s) { return {SqlType::text, 0, 0, core::Bytes(s)}; }
SqlValue number(std::int64_t i) { return {SqlType::integer, i, 0, {}}; }
std::string text_of(const SqlValue& v) { return std::string(v.bytes.view()); }

// PostgreSQL has timestamptz where SQLite has milliseconds.
std::string millis_of(const std::string& column, bool postgresql) {
  return postgresql ? "cast(round(extract(epoch FROM " + column + ") * 1000) as bigint)" : column;
}
std::string time_of(const std::string& parameter, bool postgresql) {
  return postgresql ? "to_timestamp(cast(" + parameter + " as bigint) / 1000.0)" : "cast(" + parameter + " as integer)";
}

runtime::KnownMark known_mark(Row row) {
  runtime::KnownMark mark;
  mark.where = {text_of(row[0]), {static_cast<std::int32_t>(row[2].integer)}};
  auto& memory = mark.memory;
  memory.mark = {{row[3].integer}, row[4].integer, static_cast<std::int32_t>(row[1].integer)};
  if (row[5].type != SqlType::null) memory.acked = core::Offset{row[5].integer};
  memory.cluster_id = text_of(row[6]);
  const bool fingerprint = row[7].type != SqlType::null && row[8].type != SqlType::null && row[9].type != SqlType::null;
  if (fingerprint) memory.last = core::Fingerprint{{row[7].integer}, core::from_epoch_ms(row[8].integer), static_cast<std::uint64_t>(row[9].integer)};
  return mark;
}

runtime::StuckRecord stuck_record(Row row) {
  runtime::StuckRecord record;
  record.topic = text_of(row[0]);
  record.topic_id = static_cast<std::int32_t>(row[1].integer);
  record.partition = {static_cast<std::int32_t>(row[2].integer)};
  record.offset = {row[3].integer};
  record.row = {runtime::RowState::retry,           {static_cast<std::uint32_t>(row[4].integer)}, {static_cast<std::uint32_t>(row[5].integer)},
                core::from_epoch_ms(row[6].integer), core::from_epoch_ms(row[7].integer),          text_of(row[8])};
  if (row[9].type != SqlType::null) record.key_hash = text_of(row[9]);
  return record;
}

LedgerError with_mend(LedgerError error) {
  if (error.code == "42P01" || error.code == "42703" || error.message.find("no such table") != std::string::npos)
    error.message += ": the ledger's tables are missing or old, run `hostler ledger migrate`";
  return error;
}

}  // namespace

class SqlOperations::Transaction {
 public:
  explicit Transaction(runtime::LedgerSession& session) : session_(session) {}

  // Rows of the result. Throws the LedgerError.
  std::size_t run(const std::string& sql, std::initializer_list<SqlValue> params, const std::function<void(Row)>& row = {}) {
    const auto take = [&](Row columns) {
      if (row) row(columns);
      return true;
    };
    auto rows = session_.query({sql, {params.begin(), params.size()}}, false, take);
    if (!rows) throw with_mend(std::move(rows.error()));
    return *rows;
  }
  std::int64_t one(const std::string& sql, std::initializer_list<SqlValue> params) {
    std::int64_t value = 0;
    run(sql, params, [&](Row row) { value = row[0].integer; });
    return value;
  }

 private:
  runtime::LedgerSession& session_;
};

LedgerStatus SqlOperations::read(const Work& work) {
  const auto session = ledger_.lease();
  if (auto begun = session->begin(); !begun) return begun;
  Transaction transaction(*session);
  try {
    // No row matches, but only a database that could write lets this pass: what a former primary tells is old.
    if (postgresql()) transaction.run("SELECT 1 FROM hostler_mark WHERE service = '' FOR UPDATE", {});
    work(transaction);
  } catch (LedgerError& error) {
    session->rollback();
    return std::move(error);
  }
  session->rollback();
  return LedgerStatus::success();
}

LedgerStatus SqlOperations::change(const Work& work) {
  for (int tries = 1;; ++tries) {
    const auto session = ledger_.lease();
    if (auto begun = session->begin(); !begun) return begun;
    Transaction transaction(*session);
    LedgerError why;
    auto outcome = runtime::CommitOutcome::failed;
    try {
      work(transaction);
      outcome = session->commit(&why);
    } catch (LedgerError& error) {
      session->rollback();
      why = std::move(error);
    }
    if (outcome == runtime::CommitOutcome::committed) return LedgerStatus::success();
    if (outcome == runtime::CommitOutcome::unknown) why.message = "the reply to COMMIT was lost, look what became of it: " + why.message;
    if (outcome == runtime::CommitOutcome::unknown || why.kind != LedgerError::Kind::again || tries == most_tries) return why;
  }
}

runtime::LedgerResult<std::vector<runtime::KnownMark>> SqlOperations::marks(std::string_view service) {
  std::vector<runtime::KnownMark> out;
  const std::string sql =
      "SELECT m.topic, m.topic_id, m.partition, m.next_offset, m.epoch, m.acked_offset, m.cluster_id, m.last_offset, m.last_timestamp, m.last_hash "
      "FROM hostler_mark m WHERE m.service = $1 AND m." +
      std::string(latest) + " ORDER BY m.topic, m.partition";
  auto done = read([&](Transaction& t) { t.run(sql, {text(service)}, [&](Row row) { out.push_back(known_mark(row)); }); });
  if (!done) return std::move(done.error());
  return out;
}

LedgerStatus SqlOperations::acknowledge(std::string_view service, std::span<const runtime::Acknowledged> partitions) {
  // One by one: whoever waits for a lane's mark must not hold those of others meanwhile.
  for (const auto& p : partitions) {
    auto done = change([&](Transaction& t) {
      t.run("UPDATE hostler_mark SET acked_offset = $1 WHERE service = $2 AND topic = $3 AND topic_id = $4 AND partition = $5 AND epoch = $6 "
            "AND next_offset >= $1 AND (acked_offset IS NULL OR acked_offset < $1)",
            {number(p.acked.value), text(service), text(p.where.topic), number(p.mark.topic_id), number(p.where.partition.value), number(p.mark.epoch)});
    });
    if (!done) return done;
  }
  return LedgerStatus::success();
}

runtime::LedgerResult<runtime::RewindFacts> SqlOperations::look(std::string_view service, const runtime::Rewind& rewind) {
  runtime::RewindFacts facts;
  auto done = read([&](Transaction& t) {
    const auto topic = text(rewind.where.topic);
    const auto partition = number(rewind.where.partition.value), to = number(rewind.to.value);
    std::int64_t topic_id = 1;
    t.run("SELECT m.topic_id, m.next_offset FROM hostler_mark m WHERE m.service = $1 AND m.topic = $2 AND m.partition = $3 AND m." + std::string(latest),
          {text(service), topic, partition}, [&](Row row) {
            topic_id = row[0].integer;
            facts.mark = core::Offset{row[1].integer};
          });
    facts.delegated = static_cast<std::uint64_t>(
        t.one("SELECT count(*) FROM hostler_delegated WHERE " + std::string(from_target_on), {text(service), topic, number(topic_id), partition, to}));
    t.run("SELECT count(*), count(CASE WHEN state = 'done' THEN 1 END) FROM processed_events WHERE " + std::string(ids_from_target_on),
          {text(service), topic, partition, to}, [&](Row row) {
            facts.ids = static_cast<std::uint64_t>(row[0].integer);
            facts.done_ids = static_cast<std::uint64_t>(row[1].integer);
          });
  });
  if (!done) return std::move(done.error());
  return facts;
}

// The mark first, against the usual order of locks: nobody writes rows of the partition without it. Whoever holds rows meanwhile does not
// wait for the mark, but for a retried record with messages for the outbox; should two wait for each other, the database says so and this is run again.
runtime::LedgerResult<runtime::RewindFacts> SqlOperations::rewind(std::string_view service, const runtime::Rewind& rewind) {
  runtime::RewindFacts facts;
  const auto work = [&](Transaction& t) {
    facts = {};
    const auto topic = text(rewind.where.topic);
    const auto partition = number(rewind.where.partition.value), to = number(rewind.to.value);
    std::int64_t topic_id = 1;
    t.run("SELECT m.topic_id, m.next_offset FROM hostler_mark m WHERE m.service = $1 AND m.topic = $2 AND m.partition = $3 AND m." + std::string(latest) +
              (postgresql() ? " FOR UPDATE OF m" : ""),
          {text(service), topic, partition}, [&](Row row) {
            topic_id = row[0].integer;
            facts.mark = core::Offset{row[1].integer};
          });
    if (!facts.mark) {
      topic_id = t.one("SELECT coalesce(max(topic_id), 1) FROM hostler_mark WHERE service = $1 AND topic = $2", {text(service), topic});
      t.run("INSERT INTO hostler_mark (service, topic, topic_id, partition, next_offset) VALUES ($1, $2, $3, $4, $5)",
            {text(service), topic, number(topic_id), partition, to});
    }
    if (rewind.ids == runtime::Rewind::Ids::forget)
      facts.done_ids = t.run("DELETE FROM processed_events WHERE state = 'done' AND " + std::string(ids_from_target_on) + " RETURNING 1",
                             {text(service), topic, partition, to});
    if (rewind.rows == runtime::Rewind::Rows::erase) {
      facts.delegated = t.run("DELETE FROM hostler_delegated WHERE " + std::string(from_target_on) + " RETURNING 1",
                              {text(service), topic, number(topic_id), partition, to});
      t.run("DELETE FROM hostler_key WHERE service = $1 AND topic = $2 AND topic_id = $3 AND partition = $4 AND head_offset >= $5",
            {text(service), topic, number(topic_id), partition, to});
    }
    t.run("UPDATE hostler_mark SET next_offset = $1, epoch = epoch + 1, acked_offset = NULL WHERE service = $2 AND topic = $3 AND topic_id = $4 AND partition = $5",
          {to, text(service), topic, number(topic_id), partition});
  };
  if (auto done = change(work); !done) return std::move(done.error());
  return facts;
}

runtime::LedgerResult<std::int32_t> SqlOperations::adopt(std::string_view service, const runtime::Adoption& adoption) {
  std::int64_t generation = 0;
  const auto work = [&](Transaction& t) {
    const auto topic = text(adoption.topic);
    if (postgresql())
      t.run("SELECT 1 FROM hostler_mark WHERE service = $1 AND topic = $2 ORDER BY topic_id, partition FOR UPDATE", {text(service), topic});
    generation = t.one("SELECT coalesce(max(topic_id), 0) FROM hostler_mark WHERE service = $1 AND topic = $2", {text(service), topic}) + 1;
    t.run("UPDATE hostler_mark SET epoch = epoch + 1 WHERE service = $1 AND topic = $2", {text(service), topic});
    for (const auto& start : adoption.starts)
      t.run("INSERT INTO hostler_mark (service, topic, topic_id, partition, next_offset, cluster_id) VALUES ($1, $2, $3, $4, $5, $6)",
            {text(service), topic, number(generation), number(start.partition.value), number(start.next.value), text(adoption.cluster_id)});
  };
  if (auto done = change(work); !done) return std::move(done.error());
  return static_cast<std::int32_t>(generation);
}

runtime::LedgerResult<std::vector<runtime::StuckRecord>> SqlOperations::stuck(std::string_view service, core::Timestamp due_before, std::size_t at_most) {
  std::vector<runtime::StuckRecord> out;
  const std::string sql = "SELECT topic, topic_id, partition, record_offset, step, attempt, " + millis_of("due", postgresql()) + ", " +
                          millis_of("first_seen", postgresql()) +
                          ", event_id, key_hash FROM hostler_delegated WHERE service = $1 AND state = 'retry' AND due < " + time_of("$2", postgresql()) +
                          " ORDER BY due, topic, partition, record_offset LIMIT $3";
  auto done = read([&](Transaction& t) {
    t.run(sql, {text(service), number(core::to_epoch_ms(due_before)), number(static_cast<std::int64_t>(at_most))}, [&](Row row) { out.push_back(stuck_record(row)); });
  });
  if (!done) return std::move(done.error());
  return out;
}

runtime::LedgerResult<std::uint64_t> SqlOperations::count_stuck(std::string_view service, core::Timestamp due_before) {
  std::uint64_t count = 0;
  const std::string sql = "SELECT count(*) FROM hostler_delegated WHERE service = $1 AND state = 'retry' AND due < " + time_of("$2", postgresql());
  auto done = read([&](Transaction& t) { count = static_cast<std::uint64_t>(t.one(sql, {text(service), number(core::to_epoch_ms(due_before))})); });
  if (!done) return std::move(done.error());
  return count;
}

LedgerStatus SqlOperations::postpone(std::string_view service, const runtime::OriginKey& origin, core::Step step, core::Timestamp due) {
  return change([&](Transaction& t) {
    t.run("UPDATE hostler_delegated SET due = " + time_of("$1", postgresql()) +
              " WHERE service = $2 AND topic = $3 AND topic_id = $4 AND partition = $5 AND record_offset = $6 AND state = 'retry' AND step = $7",
          {number(core::to_epoch_ms(due)), text(service), text(origin.topic), number(origin.topic_id), number(origin.partition.value), number(origin.offset.value),
           number(step.value)});
  });
}

}  // namespace hostler::store
