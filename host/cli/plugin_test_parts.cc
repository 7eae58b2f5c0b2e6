#include "cli/plugin_test_parts.h"

#include <algorithm>

#include "runtime/digest.h"

namespace hostler::cli {

class TestSource::Storage final : public core::BatchStorage {
 public:
  std::vector<const TestRecord*> records;
  std::vector<core::HeaderView> headers(std::size_t index) override {
    std::vector<core::HeaderView> out;
    for (const auto& header : records[index]->headers)
      out.push_back({header.name, header.value ? core::Bytes(*header.value) : core::Bytes()});
    return out;
  }
};

TestSource::TestSource(const std::vector<TestRecord>& records,
                       std::map<core::TopicPartition, core::Mark>* marks, const TestClock& clock,
                       std::map<core::TopicPartition, std::int64_t> shift)
    : marks_(marks), clock_(clock) {
  for (const TestRecord& record : records) {
    auto stream = std::find_if(streams_.begin(), streams_.end(),
                               [&](const Stream& s) { return s.where == record.where; });
    if (stream == streams_.end())
      stream = streams_.insert(stream, Stream{record.where, {}, 0, shift[record.where]});
    stream->records.push_back(&record);
  }
}

bool TestSource::poll(core::Batch& out, std::size_t max_records, core::Millis, core::Millis) {
  out.clear();
  const auto stream = std::find_if(streams_.begin(), streams_.end(),
                                   [](const Stream& s) { return s.position < s.records.size(); });
  if (stuck() || stream == streams_.end()) return false;
  out.where = stream->where;
  out.assignment = 1;
  out.mark = marks_ == nullptr ? nullptr : &marks_->at(stream->where);
  auto storage = std::make_unique<Storage>();
  for (; stream->position < stream->records.size() && out.records.size() < max_records; ++stream->position) {
    const TestRecord& from = *stream->records[stream->position];
    core::Record record;
    record.key = from.key ? core::Bytes(*from.key) : core::Bytes();
    record.value = from.value ? core::Bytes(*from.value) : core::Bytes();
    record.topic = stream->where.topic;
    record.partition = stream->where.partition;
    record.offset = record.delivered_offset = core::Offset{from.offset + stream->shift};
    record.timestamp = record.delivered_timestamp = core::from_epoch_ms(from.timestamp_ms);
    record.timestamp_type = core::TimestampType::create_time;
    out.records.push_back(record);
    storage->records.push_back(&from);
  }
  out.storage = std::move(storage);
  return true;
}

void TestSource::give_back(const core::Batch& batch, core::Offset resume_at, core::SteadyTime) {
  for (Stream& stream : streams_) {
    if (stream.where != batch.where) continue;
    const auto from = std::find_if(
        stream.records.begin(), stream.records.end(),
        [&](const TestRecord* record) { return record->offset + stream.shift >= resume_at.value; });
    stream.position = static_cast<std::size_t>(from - stream.records.begin());
  }
}

std::vector<runtime::PublishFailure> TestPublisher::publish(std::span<const runtime::OutRecord> records) {
  const auto text = [](const core::Bytes& bytes) {
    return bytes.is_null() ? "null" : "'" + std::string(bytes.view()) + "'";
  };
  for (const auto& record : records) {
    const bool copy = std::any_of(record.headers.begin(), record.headers.end(), [](const auto& header) {
      return header.name.starts_with(core::header::prefix);
    });
    if (!copy) published.push_back({record.topic, text(record.key), text(record.value)});
  }
  return {};
}

void TestObserver::batch_settled(std::string_view, const core::TopicPartition&, int,
                                 const runtime::SettledCounts& counts, core::Millis) {
  for (const auto count : counts.by_outcome) settled += count;
}

void TestObserver::record_noted(const runtime::RecordNote& note) {
  TestFate fate;
  fate.reason = note.reason;
  switch (note.disposition.outcome) {
    case core::Outcome::done: return;
    case core::Outcome::retry: fate.verdict = "retry"; break;
    case core::Outcome::drop: fate.verdict = "drop"; break;
    case core::Outcome::dead:
      fate.verdict = note.disposition.reason == core::DeadReason::rejected            ? "reject"
                     : note.disposition.reason == core::DeadReason::retries_exhausted ? "retry"
                                                                                      : "invalid";
      if (fate.verdict == "invalid") fate.reason = note.record->invalid_text;
      break;
    default: fate.verdict = core::to_text(note.disposition.outcome); break;
  }
  fates[{{std::string(note.record->topic), note.record->partition}, note.record->offset.value}] =
      std::move(fate);
}

namespace {

using runtime::LedgerResult;
using runtime::LedgerStatus;

std::string value_text(const runtime::SqlValue& value) {
  using runtime::SqlType;
  switch (value.type) {
    case SqlType::null: return "NULL";
    case SqlType::integer: return std::to_string(value.integer);
    case SqlType::real: return std::to_string(value.real);
    case SqlType::boolean: return value.integer != 0 ? "true" : "false";
    case SqlType::timestamp_us: return std::to_string(value.integer) + "us";
    case SqlType::text:
    case SqlType::json: return "'" + std::string(value.bytes.view()) + "'";
    default:
      return "x'" +
             runtime::to_hex({reinterpret_cast<const std::uint8_t*>(value.bytes.data), value.bytes.size}) +
             "'";
  }
}

std::string statement_text(const runtime::SqlStatement& statement) {
  std::string out(statement.sql);
  std::string parameters;
  for (const auto& value : statement.params)
    parameters += (parameters.empty() ? "" : ", ") + value_text(value);
  return parameters.empty() ? out : out + "  [" + parameters + "]";
}

class RecordingSession final : public runtime::LedgerSession {
 public:
  RecordingSession(std::unique_ptr<runtime::LedgerSession> session, std::vector<std::string>& committed)
      : session_(std::move(session)), committed_(committed) {}

  LedgerStatus begin() override { return session_->begin(); }
  void rollback() override {
    open_.clear();
    session_->rollback();
  }
  runtime::CommitOutcome commit(runtime::LedgerError* why) override {
    const auto outcome = session_->commit(why);
    if (outcome == runtime::CommitOutcome::committed)
      committed_.insert(committed_.end(), open_.begin(), open_.end());
    open_.clear();
    return outcome;
  }
  [[nodiscard]] bool in_transaction() const override { return session_->in_transaction(); }
  LedgerStatus find_ids(std::string_view service, std::span<const runtime::IdRow> ids,
                        std::span<std::uint8_t> settled) override {
    return session_->find_ids(service, ids, settled);
  }
  LedgerStatus claim_ids(std::string_view service, std::span<const runtime::IdRow> ids,
                         std::span<std::uint8_t> claimed) override {
    return session_->claim_ids(service, ids, claimed);
  }
  LedgerStatus set_id_states(std::string_view service, std::span<const std::string_view> ids,
                             runtime::RowState state) override {
    return session_->set_id_states(service, ids, state);
  }
  LedgerResult<bool> fence(std::string_view service, const runtime::MarkMove& move) override {
    return session_->fence(service, move);
  }
  LedgerStatus barrier(std::string_view service, std::span<const runtime::MarkKey> marks) override {
    return session_->barrier(service, marks);
  }
  LedgerResult<std::vector<std::optional<runtime::Delegated>>> lock_delegated(
      std::string_view service, std::span<const runtime::OriginKey> origins) override {
    return session_->lock_delegated(service, origins);
  }
  LedgerStatus write_delegated(std::string_view service, std::span<const runtime::Delegation> rows) override {
    return session_->write_delegated(service, rows);
  }
  LedgerStatus erase_delegated(std::string_view service,
                               std::span<const runtime::OriginKey> origins) override {
    return session_->erase_delegated(service, origins);
  }
  LedgerStatus erase_suspects(std::string_view service, std::span<const runtime::OriginKey> places) override {
    return session_->erase_suspects(service, places);
  }
  std::optional<runtime::StatementFailure> run(std::span<const runtime::SqlStatement> statements) override {
    for (const auto& statement : statements) open_.push_back(statement_text(statement));
    return session_->run(statements);
  }
  LedgerResult<Settled> fence_and_run(std::string_view service, const runtime::MarkMove& move,
                                      std::span<const runtime::SqlStatement> statements) override {
    for (const auto& statement : statements) open_.push_back(statement_text(statement));
    return session_->fence_and_run(service, move, statements);
  }
  LedgerResult<std::size_t> query(const runtime::SqlStatement& statement, bool read_only,
                                  const runtime::SqlRow& on_row) override {
    if (!read_only) open_.push_back(statement_text(statement));
    return session_->query(statement, read_only, on_row);
  }
  LedgerResult<bool> same_transaction() override { return session_->same_transaction(); }

 private:
  std::unique_ptr<runtime::LedgerSession> session_;
  std::vector<std::string>& committed_;
  std::vector<std::string> open_; // of the transaction that is open
};

class RecordingLedger final : public runtime::Ledger {
 public:
  RecordingLedger(runtime::Ledger& ledger, std::vector<std::string>& committed)
      : ledger_(ledger), committed_(committed) {}
  [[nodiscard]] runtime::SqlDialect dialect() const override { return ledger_.dialect(); }
  std::unique_ptr<runtime::LedgerSession> lease() override {
    return std::make_unique<RecordingSession>(ledger_.lease(), committed_);
  }
  LedgerResult<std::vector<core::Mark>> take_over(std::string_view service, std::string_view cluster_id,
                                                  std::span<const runtime::TakeOver> partitions) override {
    return ledger_.take_over(service, cluster_id, partitions);
  }
  runtime::LedgerOperations& operations() override { return ledger_.operations(); }
  LedgerStatus add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) override {
    return ledger_.add_suspects(run, suspects);
  }
  LedgerResult<std::vector<runtime::Suspect>> suspects(std::string_view service,
                                                       std::span<const runtime::TakenPartition> partitions) override {
    return ledger_.suspects(service, partitions);
  }
  LedgerResult<runtime::Expired> expire(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace from,
                                        std::uint32_t most) override {
    return ledger_.expire(rules, from, most);
  }
  runtime::LedgerStatus probe() override { return ledger_.probe(); }

 private:
  runtime::Ledger& ledger_;
  std::vector<std::string>& committed_;
};

} // namespace

std::unique_ptr<runtime::Ledger> record_sql(runtime::Ledger& ledger, std::vector<std::string>& committed) {
  return std::make_unique<RecordingLedger>(ledger, committed);
}

} // namespace hostler::cli
