#include "runtime/outbox_relay.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include "runtime/failpoint.h"
#include "runtime/log.h"

namespace hostler::runtime {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t most_messages = 500;
constexpr core::Millis look_every{2'000};  // for rows that nobody announced: a predecessor's
constexpr core::Millis first_pause{100}, longest_pause{5'000};

constexpr std::string_view lock_sql = "SELECT epoch FROM hostler_mark WHERE service = $1 AND topic = $2 AND topic_id = $3 AND partition = $4";
// Of former generations too: what was committed before a topic was adopted is published all the same.
constexpr std::string_view read_sql =
    "SELECT seq, to_topic, to_partition, key, value, headers, stamp, topic_id FROM hostler_outbox "
    "WHERE service = $1 AND topic = $2 AND topic_id <= $3 AND partition = $4 AND failure IS NULL ORDER BY seq LIMIT $5";
// `seq` is SQLite's row id and part of PostgreSQL's key; the other columns find the row there.
constexpr std::string_view delete_sql = "DELETE FROM hostler_outbox WHERE service = $1 AND topic = $2 AND topic_id = $3 AND partition = $4 AND seq = $5";
constexpr std::string_view give_up_sql = "UPDATE hostler_outbox SET failure = $6 WHERE service = $1 AND topic = $2 AND topic_id = $3 AND partition = $4 AND seq = $5";

SqlValue text(std::string_view v) { return {SqlType::text, 0, 0, core::Bytes(v)}; }
SqlValue integer(std::int64_t v) { return {SqlType::integer, v, 0, {}}; }
std::optional<std::string> bytes(const SqlValue& v) {
  if (v.type == SqlType::null) return std::nullopt;
  return std::string(v.bytes.view());
}
core::Bytes view(const std::optional<std::string>& v) { return v ? core::Bytes(*v) : core::Bytes(); }

}  // namespace

OutboxRelay::OutboxRelay(std::string service, Ledger& ledger, Publisher& publisher) : service_(std::move(service)), ledger_(ledger), publisher_(publisher) {}

OutboxRelay::~OutboxRelay() { stop(); }

void OutboxRelay::start() { thread_ = std::thread([this] { run(); }); }

void OutboxRelay::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void OutboxRelay::owns(const core::TopicPartition& where, const core::Mark& mark) {
  const std::lock_guard lock(mutex_);
  owned_[where] = {mark, true};
  changed_.notify_all();
}

void OutboxRelay::revoked(const core::TopicPartition& where) {
  const std::lock_guard lock(mutex_);
  owned_.erase(where);
}

void OutboxRelay::written(const core::TopicPartition& where) {
  const std::lock_guard lock(mutex_);
  const auto found = owned_.find(where);
  if (found == owned_.end()) return;  // of a retried record whose partition is another host's: that one looks by itself
  found->second.waits = true;
  changed_.notify_all();
}

core::OutboxHealth OutboxRelay::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

void OutboxRelay::run() {
  core::Millis pause{0};
  auto next_look = steady_clock::now();
  for (;;) {
    std::map<core::TopicPartition, core::Mark> todo;
    {
      std::unique_lock lock(mutex_);
      const auto something = [this] { return stop_ || std::any_of(owned_.begin(), owned_.end(), [](const auto& o) { return o.second.waits; }); };
      if (pause > core::Millis(0)) {
        changed_.wait_for(lock, pause, [this] { return stop_; });
      } else {
        changed_.wait_until(lock, next_look, something);
      }
      if (stop_) return;
      if (steady_clock::now() >= next_look) {
        for (auto& [where, owned] : owned_) owned.waits = true;
      }
      for (auto& [where, owned] : owned_) {
        if (std::exchange(owned.waits, false)) todo.emplace(where, owned.mark);
      }
    }
    bool in_trouble = false;
    for (const auto& [where, mark] : todo) {
      if (stopping()) return;  // what is left is the next owner's
      const Pass pass = relay(where, mark);
      in_trouble |= pass == Pass::trouble;
      if (pass != Pass::nothing) written(where);  // there may be more
    }
    pause = in_trouble ? std::clamp(pause * 2, first_pause, longest_pause) : core::Millis(0);
    if (steady_clock::now() >= next_look) {
      count();
      next_look = steady_clock::now() + look_every;
    }
  }
}

// One transaction: while it lasts nobody else takes the partition over. On SQLite, whose file has one owner, nothing is held while publishing:
// its transaction would keep every lane waiting.
OutboxRelay::Pass OutboxRelay::relay(const core::TopicPartition& where, const core::Mark& mark) {
  auto session = ledger_.lease();
  const bool hold = ledger_.dialect() == SqlDialect::postgresql;
  if (auto begun = session->begin(); !begun) {
    trouble(begun.error().message);
    return Pass::trouble;
  }
  auto messages = read(*session, where, mark);
  if (!messages || !hold) session->rollback();
  if (!messages) {
    trouble(messages.error().message);
    return Pass::trouble;
  }
  if (messages->empty()) return Pass::nothing;

  static_cast<void>(failpoint("relay"));
  const auto deliveries = publish(*messages);
  static_cast<void>(failpoint("relayed"));
  if (!hold) {
    if (auto begun = session->begin(); !begun) {
      trouble(begun.error().message);
      return Pass::trouble;
    }
  }
  if (auto settled = settle(*session, *messages, deliveries); !settled) {
    session->rollback();
    trouble(settled.error().message);
    return Pass::trouble;
  }
  LedgerError why;
  if (session->commit(&why) != CommitOutcome::committed) {
    trouble(why.message);
    return Pass::trouble;
  }
  const auto waits = std::find_if(deliveries.begin(), deliveries.end(), [](const auto& d) { return d.state == Delivery::State::waits && !d.why.empty(); });
  if (waits == deliveries.end()) return Pass::some;
  trouble(waits->why);
  return Pass::trouble;
}

bool OutboxRelay::stopping() const {
  const std::lock_guard lock(mutex_);
  return stop_;
}

// In waves of one message per topic and key: the next one of a key leaves when the brokers have acknowledged the one before, so that none overtakes
// another, whatever fails. What could not be delivered now waits, and so does what comes after it.
std::vector<OutboxRelay::Delivery> OutboxRelay::publish(std::span<const OutboxMessage> messages) {
  using State = Delivery::State;
  std::vector<Delivery> out(messages.size());
  std::vector<std::size_t> left(messages.size());
  std::iota(left.begin(), left.end(), std::size_t{0});
  std::set<std::string_view> missing;  // topics
  bool down = false;
  while (!left.empty() && !down && !stopping()) {
    std::vector<std::size_t> wave, later;
    std::vector<OutRecord> records;
    std::set<std::pair<std::string_view, std::string_view>> keys;
    for (const std::size_t i : left) {
      const auto& m = messages[i];
      if (missing.contains(m.topic)) continue;
      if (m.key && !keys.emplace(m.topic, *m.key).second) {
        later.push_back(i);
        continue;
      }
      wave.push_back(i);
      auto& record = records.emplace_back();
      record.topic = m.topic;
      record.partition = m.partition;
      record.key = view(m.key);
      record.value = view(m.value);
      if (auto headers = unpack_headers(m.headers)) record.headers = std::move(*headers);
      record.timestamp_ms = m.stamp;
    }
    for (const std::size_t i : wave) out[i].state = State::delivered;
    for (const auto& failure : publisher_.publish(records)) {
      const std::size_t i = wave[failure.index];
      const bool is_missing = failure.kind == PublishFailure::Kind::topic_missing, is_down = failure.kind == PublishFailure::Kind::unavailable;
      out[i] = {is_missing || is_down ? State::waits : State::never, failure.message};
      if (is_missing) missing.insert(messages[i].topic);
      down |= is_down;
    }
    left = std::move(later);
  }
  return out;
}

LedgerResult<std::vector<OutboxMessage>> OutboxRelay::read(LedgerSession& session, const core::TopicPartition& where, const core::Mark& mark) {
  std::vector<OutboxMessage> out;
  const std::vector<SqlValue> at = {text(service_), text(where.topic), integer(mark.topic_id), integer(where.partition.value)};
  const std::string lock = std::string(lock_sql) + (ledger_.dialect() == SqlDialect::postgresql ? " FOR KEY SHARE" : "");
  std::int64_t epoch = -1;
  auto locked = session.query({lock, at}, false, [&](std::span<const SqlValue> row) {
    epoch = row[0].integer;
    return true;
  });
  if (!locked) return std::move(locked.error());
  if (epoch != mark.epoch) return out;  // somebody else's by now, or taken over again by this host, which says so
  std::vector<SqlValue> wanted = at;
  wanted.push_back(integer(static_cast<std::int64_t>(most_messages)));
  auto rows = session.query({read_sql, wanted}, true, [&](std::span<const SqlValue> row) {
    OutboxMessage m;
    m.seq = row[0].integer;
    m.from = where;
    m.topic_id = static_cast<std::int32_t>(row[7].integer);
    m.topic = row[1].bytes.view();
    if (row[2].type != SqlType::null) m.partition = core::Partition{static_cast<std::int32_t>(row[2].integer)};
    m.key = bytes(row[3]);
    m.value = bytes(row[4]);
    m.headers = row[5].bytes.view();
    m.stamp = row[6].integer;
    out.push_back(std::move(m));
    return true;
  });
  if (!rows) return std::move(rows.error());
  return out;
}

// Acknowledged messages go. One that fits no topic, or that nobody may write, is put aside with the reason: the others must not wait for it.
LedgerStatus OutboxRelay::settle(LedgerSession& session, std::span<const OutboxMessage> messages, std::span<const Delivery> deliveries) {
  std::vector<std::vector<SqlValue>> values;
  std::vector<SqlStatement> statements;
  values.reserve(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto& m = messages[i];
    const auto& [state, why] = deliveries[i];
    if (state == Delivery::State::waits) continue;
    auto& row = values.emplace_back(std::vector<SqlValue>{text(service_), text(m.from.topic), integer(m.topic_id), integer(m.from.partition.value), integer(m.seq)});
    if (state == Delivery::State::delivered) {
      statements.push_back({delete_sql, row});
      continue;
    }
    log_limited(LogLevel::error, "outbox:" + service_, "handler " + service_ + ": a message in the outbox can never be published and is put aside (hostler_outbox, seq " + std::to_string(m.seq) + "): " + why);
    row.push_back(text(why));
    statements.push_back({give_up_sql, row});
  }
  if (auto failure = session.run(statements)) return std::move(failure->error);
  return LedgerStatus::success();
}

void OutboxRelay::count() {
  auto session = ledger_.lease();
  if (auto begun = session->begin(); !begun) return;
  const bool postgresql = ledger_.dialect() == SqlDialect::postgresql;
  const std::string oldest = postgresql ? "cast(extract(epoch FROM now() - min(written_at)) * 1000 as bigint)" : "cast(strftime('%s', 'now') as integer) * 1000 - min(written_at)";
  const std::vector<SqlValue> of = {text(service_)};
  core::OutboxHealth seen;
  auto asked = session->query({"SELECT count(*), coalesce(" + oldest + ", 0), count(failure) FROM hostler_outbox WHERE service = $1", of}, true, [&](std::span<const SqlValue> row) {
    seen.failed = row[2].integer;
    seen.pending = row[0].integer - seen.failed;
    seen.lag = core::Millis(seen.pending == 0 ? 0 : std::max<std::int64_t>(0, row[1].integer));
    return true;
  });
  session->rollback();
  if (!asked) return;
  const std::lock_guard lock(mutex_);
  health_ = seen;
}

void OutboxRelay::trouble(const std::string& what) {
  log_limited(LogLevel::warn, "outbox-waits:" + service_, "handler " + service_ + ": its messages wait in the outbox: " + what);
}

}  // namespace hostler::runtime
