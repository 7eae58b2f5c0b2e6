// The ledger in memory, for tests above store/: the same promises as the real ones (the contract suite runs on it), one writer at a
// time like SQLite, and faults on demand. Effects are the statements themselves: see effects().
// Thread-safety: any thread; a session by one thread at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/digest.h"
#include "runtime/ledger.h"
#include "runtime/ledger_operations.h"

namespace hostler::testing {

// A statement as it was committed; parameters own their bytes.
struct Effect {
  std::string sql;
  std::vector<std::string> params;  // text of each: numbers in decimal, "null" for NULL, bytes as they are
};

class MemoryLedger final : public runtime::Ledger {
 public:
  using Error = runtime::LedgerError;
  enum class Call : std::uint8_t { begin, find_ids, claim_ids, set_id_states, fence, barrier, lock_delegated, write_delegated,
                                   erase_delegated, run, query, commit, take_over, erase_suspects, add_suspects, suspects, expire, probe, operations };

  struct MarkRow {
    core::Mark mark;
    core::Offset acked, last_offset;
    core::Timestamp last_timestamp{};
    std::uint64_t last_hash = 0;
    std::string cluster_id;
  };
  struct DelegatedRow {
    runtime::Delegated row;
    std::optional<std::string> key, record;
  };
  struct IdEntry {
    runtime::RowState state = runtime::RowState::done;
    std::string event_type, topic;
    core::Partition partition;
    core::Offset offset;
    core::Timestamp processed_at{};
  };
  using MarkId = std::tuple<std::string, std::string, std::int32_t, std::int32_t>;                 // service, topic, topic_id, partition
  using OriginId = std::tuple<std::string, std::string, std::int32_t, std::int32_t, std::int64_t>;  // … offset
  using EventId = std::pair<std::string, std::string>;                                             // service, event id

  // -- faults: each is used up by the call it hits; several on one call are used in order --
  void fail_next(Call call, Error error) { locked([&] { faults_[call].push_back(std::move(error)); }); }
  void fail_next(Call call, Error::Kind kind) { fail_next(call, Error{kind, "FAKE", "injected"}); }
  // The next commit answers `unknown`; with or without having taken effect.
  enum class Effectful : std::uint8_t { no, yes };
  void lose_next_commit_reply(Effectful effect) { locked([&] { lost_.push_back(effect); }); }
  // Another owner has taken the mark over: the next fence on it is stale (open transactions too, unless they hold their fence already).
  void steal(const std::string& service, const std::string& topic, std::int32_t partition) {
    locked([&] {
      for (auto& [id, row] : data_.marks)
        if (std::get<0>(id) == service && std::get<1>(id) == topic && std::get<3>(id) == partition) ++row.mark.epoch;
    });
  }
  // Statements (run and query) are given to this first; an error it returns is the statement's. Called without the ledger's lock.
  void on_statement(std::function<std::optional<Error>(const runtime::SqlStatement&)> hook) { locked([&] { hook_ = std::move(hook); }); }
  // Rows for query(): called for every statement that the hook let pass.
  using Answer = std::function<void(const runtime::SqlStatement&, const runtime::SqlRow&)>;
  void on_query(Answer answer) { locked([&] { answer_ = std::move(answer); }); }
  // While corked, commits wait. uncork() lets them go on.
  void cork() { locked([&] { corked_ = true; }); }
  void uncork() {
    locked([&] { corked_ = false; });
    changed_.notify_all();
  }
  // While down, every call answers outage and open transactions are lost.
  void set_down(bool down) {
    locked([&] {
      down_ = down;
      if (down) ++generation_;
    });
    changed_.notify_all();
  }

  // A service's ids (or only one of them) were processed so much earlier.
  void make_older(const std::string& service, core::Millis age, const std::string& only = "") {
    locked([&] {
      for (auto& [key, id] : data_.ids)
        if (key.first == service && (only.empty() || key.second == only)) id.processed_at -= age;
    });
  }
  // Another host with the same services holds the tables for the next step of a pass.
  void expire_elsewhere_next() { locked([&] { elsewhere_ = true; }); }

  // -- what is committed --
  [[nodiscard]] std::vector<Effect> effects() const { return locked([&] { return data_.effects; }); }
  [[nodiscard]] std::optional<MarkRow> mark(const std::string& service, const std::string& topic, std::int32_t partition) const {
    return locked([&]() -> std::optional<MarkRow> {
      std::optional<MarkRow> best;
      for (const auto& [id, row] : data_.marks)
        if (std::get<0>(id) == service && std::get<1>(id) == topic && std::get<3>(id) == partition) best = row;
      return best;
    });
  }
  [[nodiscard]] std::map<EventId, IdEntry> ids() const { return locked([&] { return data_.ids; }); }
  [[nodiscard]] std::map<OriginId, DelegatedRow> delegated() const { return locked([&] { return data_.delegated; }); }
  [[nodiscard]] std::map<OriginId, runtime::Suspect> suspect_rows() const { return locked([&] { return data_.suspects; }); }
  [[nodiscard]] std::size_t commits() const { return locked([&] { return commits_; }); }
  [[nodiscard]] std::size_t rollbacks() const { return locked([&] { return rollbacks_; }); }
  // How often a call was made, failed ones included.
  [[nodiscard]] std::size_t calls(Call call) const {
    return locked([&] {
      const auto it = calls_.find(call);
      return it == calls_.end() ? std::size_t{0} : it->second;
    });
  }

  // -- Ledger --
  [[nodiscard]] runtime::SqlDialect dialect() const override { return runtime::SqlDialect::postgresql; }
  std::unique_ptr<runtime::LedgerSession> lease() override { return std::make_unique<Session>(*this); }

  runtime::LedgerResult<std::vector<core::Mark>> take_over(std::string_view service, std::string_view cluster_id,
                                                           std::span<const runtime::TakeOver> partitions) override {
    if (auto e = enter(Call::take_over)) return *e;
    std::unique_lock lock(mutex_);
    if (!wait_for_writer(lock)) return busy();
    std::vector<core::Mark> out;
    for (const auto& p : partitions) {
      std::int32_t topic_id = 1;
      for (const auto& [id, row] : data_.marks)
        if (std::get<0>(id) == service && std::get<1>(id) == p.where.topic) topic_id = std::max(topic_id, std::get<2>(id));
      auto [it, fresh] = data_.marks.try_emplace({std::string(service), p.where.topic, topic_id, p.where.partition.value});
      if (fresh) it->second = {{p.start, 0, topic_id}, {}, {}, {}, 0, {}};
      ++it->second.mark.epoch;
      if (it->second.cluster_id.empty()) it->second.cluster_id = cluster_id;
      out.push_back(it->second.mark);
    }
    return out;
  }

  runtime::LedgerOperations& operations() override { return operations_; }
  runtime::LedgerStatus add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) override {
    if (auto e = enter(Call::add_suspects)) return *e;
    std::unique_lock lock(mutex_);
    if (!wait_for_writer(lock)) return busy();
    if (!data_.told.insert(std::string(run)).second) return runtime::LedgerStatus::success();
    std::set<OriginId> once;
    for (const auto& s : suspects) {
      const OriginId id{s.service, s.where.topic, s.topic_id, s.where.partition.value, s.offset.value};
      if (!once.insert(id).second) continue;
      const auto [it, fresh] = data_.suspects.try_emplace(id, s);
      if (fresh) continue;
      auto merged = s;
      merged.crashes += it->second.crashes;
      merged.alone += it->second.alone;
      it->second = std::move(merged);
    }
    return runtime::LedgerStatus::success();
  }

  runtime::LedgerResult<std::vector<runtime::Suspect>> suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions) override {
    if (auto e = enter(Call::suspects)) return *e;
    std::unique_lock lock(mutex_);
    if (!wait_for_writer(lock)) return busy();
    std::vector<runtime::Suspect> out;
    for (const auto& p : partitions) {
      const auto here = [&](std::int64_t offset) { return OriginId{std::string(service), p.where.topic, p.topic_id, p.where.partition.value, offset}; };
      data_.suspects.erase(data_.suspects.lower_bound(here(INT64_MIN)), data_.suspects.lower_bound(here(p.next.value)));
      const auto end = data_.suspects.upper_bound(here(INT64_MAX));
      for (auto it = data_.suspects.lower_bound(here(p.next.value)); it != end; ++it) out.push_back(it->second);
    }
    return out;
  }

  runtime::LedgerResult<runtime::Expired> expire(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace from, std::uint32_t most) override {
    if (auto e = enter(Call::expire)) return *e;
    std::unique_lock lock(mutex_);
    if (!wait_for_writer(lock)) return busy();
    runtime::Expired out;
    out.elsewhere = std::exchange(elsewhere_, false);
    if (out.elsewhere) return out;
    const auto rule_of = [&](const std::string& service) {
      return std::find_if(rules.begin(), rules.end(), [&](const auto& rule) { return rule.service == service; });
    };
    // A place is the number of rows that stay.
    const auto step = [&](auto& rows, auto is_old) {
      auto at = rows.begin();
      std::int64_t stay = 0;
      for (; at != rows.end() && stay < from.row; ++at) ++stay;
      while (at != rows.end() && out.rows < most) {
        const auto rule = rule_of(service_of(at->first));
        if (rule != rules.end() && is_old(*rule, *at)) {
          at = rows.erase(at);
          ++out.rows;
        } else {
          ++at;
          ++stay;
        }
      }
      if (at != rows.end()) out.next = {from.table, stay};
    };
    if (from.table == runtime::ExpiryPlace::Table::delegated) {
      step(data_.delegated, [&](const runtime::ExpiryRule& rule, const auto& entry) {
        const auto& row = entry.second.row;
        return row.state == runtime::RowState::dead && std::max(row.due, row.first_seen) < now() - rule.dead_after;
      });
      if (!out.next) out.next = {runtime::ExpiryPlace::Table::ids, 0};
    } else {
      step(data_.ids, [&](const runtime::ExpiryRule& rule, const auto& entry) {
        const auto& id = entry.second;
        if (id.state == runtime::RowState::done) return id.processed_at < now() - rule.done_after;
        return id.state == runtime::RowState::dead && id.processed_at < now() - rule.dead_after && !has_row(entry.first.first, id);
      });
    }
    return out;
}

  runtime::LedgerStatus probe() override {
    if (auto e = enter(Call::probe)) return *e;
    return runtime::LedgerStatus::success();
  }

 private:
  struct Data {
    std::map<MarkId, MarkRow> marks;
    std::map<EventId, IdEntry> ids;
    std::map<OriginId, DelegatedRow> delegated;
    std::map<OriginId, runtime::Suspect> suspects;
    std::set<std::string> told;  // runs
    std::vector<Effect> effects;
  };

  static Error busy() { return {Error::Kind::again, "BUSY", "another session holds the fake ledger's transaction for too long"}; }
  static Error no_transaction() { return {Error::Kind::handler, "25P01", "no transaction is open on this session"}; }
  static Error aborted() { return {Error::Kind::handler, "25P02", "the transaction is aborted: roll back"}; }
  static Error lost() { return {Error::Kind::outage, "08000", "the session was lost"}; }

  class Session final : public runtime::LedgerSession {
   public:
    explicit Session(MemoryLedger& ledger) : ledger_(ledger) {}
    ~Session() override { end(); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    runtime::LedgerStatus begin() override {
      if (auto e = ledger_.enter(Call::begin)) return *e;
      std::unique_lock lock(ledger_.mutex_);
      if (open_) return Error{Error::Kind::handler, "25001", "a transaction is already open on this session"};
      if (!ledger_.wait_for_writer(lock)) return busy();
      ledger_.writer_ = true;
      open_ = true;
      aborted_ = false;
      generation_ = ledger_.generation_;
      work_ = ledger_.data_;
      return runtime::LedgerStatus::success();
    }

    void rollback() override {
      if (!open_) return;
      ledger_.locked([&] { ++ledger_.rollbacks_; });
      end();
    }

    runtime::CommitOutcome commit(Error* why) override {
      const auto failed = [&](Error error) {
        if (why != nullptr) *why = std::move(error);
        end();
        return runtime::CommitOutcome::failed;
      };
      if (!open_) return failed(no_transaction());
      auto injected = ledger_.enter(Call::commit);
      std::unique_lock lock(ledger_.mutex_);
      ledger_.changed_.wait(lock, [&] { return !ledger_.corked_; });
      std::optional<Effectful> unknown;
      if (!ledger_.lost_.empty()) {
        unknown = ledger_.lost_.front();
        ledger_.lost_.pop_front();
      }
      if (!injected && aborted_) injected = aborted();
      if (!injected && generation_ != ledger_.generation_) injected = lost();
      if (!injected && unknown != Effectful::no) {
        for (auto& [id, row] : work_.marks) row.mark.epoch = std::max(row.mark.epoch, ledger_.epoch(id));  // stolen after the fence
        ledger_.data_ = std::move(work_);
        ++ledger_.commits_;
      }
      lock.unlock();
      if (injected) return failed(*injected);
      end();
      if (!unknown) return runtime::CommitOutcome::committed;
      if (why != nullptr) *why = lost();
      return runtime::CommitOutcome::unknown;
    }

    [[nodiscard]] bool in_transaction() const override { return open_; }

    runtime::LedgerStatus find_ids(std::string_view service, std::span<const runtime::IdRow> ids,
                                   std::span<std::uint8_t> settled) override {
      if (auto e = ledger_.enter(Call::find_ids)) return *e;
      const auto look = [&](const Data& data) {
        for (std::size_t i = 0; i < ids.size(); ++i) settled[i] = data.ids.contains(key(service, ids[i].event_id)) ? 1 : 0;
      };
      if (open_) look(work_);
      else ledger_.locked([&] { look(ledger_.data_); });
      return runtime::LedgerStatus::success();
    }

    runtime::LedgerStatus claim_ids(std::string_view service, std::span<const runtime::IdRow> ids,
                                    std::span<std::uint8_t> claimed) override {
      if (auto e = check(Call::claim_ids)) return *e;
      for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto& r = ids[i];
        IdEntry entry{runtime::RowState::done, std::string(r.event_type.substr(0, 255)), std::string(r.topic), r.partition, r.offset, now()};
        claimed[i] = work_.ids.try_emplace(key(service, r.event_id), std::move(entry)).second ? 1 : 0;
      }
      return runtime::LedgerStatus::success();
    }

    runtime::LedgerStatus set_id_states(std::string_view service, std::span<const std::string_view> ids, runtime::RowState state) override {
      if (auto e = check(Call::set_id_states)) return *e;
      for (const auto id : ids) {
        const auto it = work_.ids.find(key(service, id));
        if (it == work_.ids.end()) continue;
        it->second.state = state;
        if (state == runtime::RowState::done) it->second.processed_at = now();
      }
      return runtime::LedgerStatus::success();
    }

    runtime::LedgerResult<bool> fence(std::string_view service, const runtime::MarkMove& move) override {
      if (auto e = check(Call::fence)) return *e;
      const MarkId id{std::string(service), std::string(move.key.topic), move.key.topic_id, move.key.partition.value};
      const auto it = work_.marks.find(id);
      if (it == work_.marks.end() || it->second.mark.next != move.from.next || it->second.mark.epoch != move.from.epoch) return false;
      if (ledger_.locked([&] { return ledger_.epoch(id); }) != move.from.epoch) return false;
      auto& row = it->second;
      row.mark.next = move.to;
      if (move.acked.value >= 0) row.acked = move.acked;  // unknown: what was known stays
      row.last_offset = move.last_offset;
      row.last_timestamp = move.last_timestamp;
      row.last_hash = move.last_hash;
      return true;
    }

    runtime::LedgerStatus barrier(std::string_view, std::span<const runtime::MarkKey>) override {
      if (auto e = ledger_.enter(Call::barrier)) return *e;
      if (open_) return Error{Error::Kind::handler, "25001", "barrier inside a transaction"};
      std::unique_lock lock(ledger_.mutex_);
      if (!ledger_.wait_for_writer(lock)) return busy();
      return runtime::LedgerStatus::success();
    }

    runtime::LedgerResult<std::vector<std::optional<runtime::Delegated>>> lock_delegated(
        std::string_view service, std::span<const runtime::OriginKey> origins) override {
      if (auto e = check(Call::lock_delegated)) return *e;
      std::vector<std::optional<runtime::Delegated>> out(origins.size());
      for (std::size_t i = 0; i < origins.size(); ++i)
        if (const auto it = work_.delegated.find(key(service, origins[i])); it != work_.delegated.end()) out[i] = it->second.row;
      return out;
    }

    runtime::LedgerStatus write_delegated(std::string_view service, std::span<const runtime::Delegation> rows) override {
      if (auto e = check(Call::write_delegated)) return *e;
      for (const auto& r : rows) {
        DelegatedRow row{{r.state, r.step, r.attempt, r.due, r.first_seen, std::string(r.event_id)}, {}, r.stored_record};
        if (!r.key.is_null()) row.key = std::string(r.key.view());
        work_.delegated.insert_or_assign(key(service, r.origin), std::move(row));
      }
      return runtime::LedgerStatus::success();
    }

    runtime::LedgerStatus erase_delegated(std::string_view service, std::span<const runtime::OriginKey> origins) override {
      if (auto e = check(Call::erase_delegated)) return *e;
      for (const auto& o : origins) work_.delegated.erase(key(service, o));
      return runtime::LedgerStatus::success();
    }

    runtime::LedgerStatus erase_suspects(std::string_view service, std::span<const runtime::OriginKey> places) override {
      if (auto e = check(Call::erase_suspects)) return *e;
      for (const auto& place : places) work_.suspects.erase(key(service, place));
      return runtime::LedgerStatus::success();
    }

    std::optional<runtime::StatementFailure> run(std::span<const runtime::SqlStatement> statements) override {
      if (auto e = check(Call::run)) {
        aborted_ = true;
        return runtime::StatementFailure{0, *e};
      }
      for (std::size_t i = 0; i < statements.size(); ++i)
        if (auto e = apply(statements[i])) return runtime::StatementFailure{i, *e};
      return std::nullopt;
    }

    runtime::LedgerResult<std::size_t> query(const runtime::SqlStatement& statement, bool read_only, const runtime::SqlRow& on_row) override {
      if (auto e = check(Call::query)) {
        aborted_ = true;
        return *e;
      }
      if (read_only) {
        if (auto e = refuse(statement)) return *e;
      } else if (auto e = apply(statement)) {
        return *e;
      }
      std::size_t rows = 0;
      if (const auto answer = ledger_.locked([&] { return ledger_.answer_; }))
        answer(statement, [&](std::span<const runtime::SqlValue> columns) {
          ++rows;
          return on_row ? on_row(columns) : true;
        });
      return rows;
    }

    runtime::LedgerResult<bool> same_transaction() override { return open_ && !aborted_; }

   private:
    static EventId key(std::string_view service, std::string_view id) { return {std::string(service), std::string(id)}; }
    static OriginId key(std::string_view service, const runtime::OriginKey& o) {
      return {std::string(service), std::string(o.topic), o.topic_id, o.partition.value, o.offset.value};
    }

    std::optional<Error> check(Call call) {
      if (auto e = ledger_.enter(call)) return e;
      if (!open_) return no_transaction();
      if (aborted_) return aborted();
      if (ledger_.locked([&] { return generation_ != ledger_.generation_; })) return lost();
      return std::nullopt;
    }

    std::optional<Error> refuse(const runtime::SqlStatement& statement) {
      if (const auto word = runtime::refused_statement(statement.sql); !word.empty())
        return Error{Error::Kind::refused, "", std::string(word) + " is refused: the transaction belongs to the host"};
      const auto hook = ledger_.locked([&] { return ledger_.hook_; });
      auto e = hook ? hook(statement) : std::nullopt;
      if (e) aborted_ = true;
      return e;
    }

    std::optional<Error> apply(const runtime::SqlStatement& statement) {
      if (auto e = refuse(statement)) return e;
      Effect effect{std::string(statement.sql), {}};
      for (const auto& p : statement.params) effect.params.push_back(text_of(p));
      work_.effects.push_back(std::move(effect));
      return std::nullopt;
    }

    static std::string text_of(const runtime::SqlValue& v) {
      switch (v.type) {
        case runtime::SqlType::null: return "null";
        case runtime::SqlType::integer:
        case runtime::SqlType::boolean:
        case runtime::SqlType::timestamp_us: return std::to_string(v.integer);
        case runtime::SqlType::real: return std::to_string(v.real);
        default: return std::string(v.bytes.view());
      }
    }

    void end() {
      if (!open_) return;
      open_ = false;
      ledger_.locked([&] { ledger_.writer_ = false; });
      ledger_.changed_.notify_all();
    }

    MemoryLedger& ledger_;
    Data work_;
    bool open_ = false, aborted_ = false;
    std::uint64_t generation_ = 0;
  };

  class Operations final : public runtime::LedgerOperations {
   public:
    explicit Operations(MemoryLedger& ledger) : ledger_(ledger) {}

    runtime::LedgerResult<std::vector<runtime::KnownMark>> marks(std::string_view service) override {
      std::vector<runtime::KnownMark> out;
      auto done = with(Wait::no, [&](Data& data) {
        for (const auto& [id, row] : data.marks) {
          const auto& [owner, topic, topic_id, partition] = id;
          if (owner != service || topic_id != generation(data, service, topic)) continue;
          runtime::KnownMark known{{topic, {partition}}, {row.mark, {}, row.cluster_id, {}}};
          if (row.acked.value >= 0) known.memory.acked = row.acked;
          if (row.last_offset.value >= 0) known.memory.last = core::Fingerprint{row.last_offset, row.last_timestamp, row.last_hash};
          out.push_back(std::move(known));
        }
      });
      if (!done) return std::move(done.error());
      return out;
    }
    runtime::LedgerStatus acknowledge(std::string_view service, std::span<const runtime::Acknowledged> partitions) override {
      return with(Wait::yes, [&](Data& data) {
        for (const auto& p : partitions) {
          const auto it = data.marks.find({std::string(service), p.where.topic, p.mark.topic_id, p.where.partition.value});
          if (it == data.marks.end() || it->second.mark.epoch != p.mark.epoch || p.acked > it->second.mark.next) continue;
          it->second.acked = std::max(it->second.acked, p.acked);
        }
      });
    }
    runtime::LedgerResult<runtime::RewindFacts> look(std::string_view service, const runtime::Rewind& rewind) override {
      runtime::RewindFacts facts;
      auto done = with(Wait::no, [&](Data& data) { facts = facts_of(data, service, rewind); });
      if (!done) return std::move(done.error());
      return facts;
    }
    runtime::LedgerResult<runtime::RewindFacts> rewind(std::string_view service, const runtime::Rewind& rewind) override {
      runtime::RewindFacts facts;
      auto done = with(Wait::yes, [&](Data& data) {
        facts = facts_of(data, service, rewind);
        facts.ids = 0;
        if (rewind.rows == runtime::Rewind::Rows::keep) facts.delegated = 0;
        if (rewind.ids == runtime::Rewind::Ids::keep) facts.done_ids = 0;
        const std::int32_t topic_id = std::max(generation(data, service, rewind.where.topic), 1);
        auto& row = data.marks[{std::string(service), rewind.where.topic, topic_id, rewind.where.partition.value}];
        row.mark = {rewind.to, row.mark.epoch + 1, topic_id};
        row.acked = {};
        if (rewind.rows == runtime::Rewind::Rows::erase)
          std::erase_if(data.delegated, [&](const auto& d) { return is_behind(d.first, service, topic_id, rewind); });
        if (rewind.ids == runtime::Rewind::Ids::forget)
          std::erase_if(data.ids, [&](const auto& i) { return is_behind(i, service, rewind) && i.second.state == runtime::RowState::done; });
      });
      if (!done) return std::move(done.error());
      return facts;
    }
    runtime::LedgerResult<std::int32_t> adopt(std::string_view service, const runtime::Adoption& adoption) override {
      std::int32_t fresh = 0;
      auto done = with(Wait::yes, [&](Data& data) {
        fresh = generation(data, service, adoption.topic) + 1;
        for (auto& [id, row] : data.marks)
          if (std::get<0>(id) == service && std::get<1>(id) == adoption.topic) ++row.mark.epoch;
        for (const auto& start : adoption.starts)
          data.marks[{std::string(service), adoption.topic, fresh, start.partition.value}] = {{start.next, 0, fresh}, {}, {}, {}, 0, adoption.cluster_id};
      });
      if (!done) return std::move(done.error());
      return fresh;
    }
    runtime::LedgerResult<std::vector<runtime::StuckRecord>> stuck(std::string_view service, core::Timestamp due_before, std::size_t at_most) override {
      std::vector<runtime::StuckRecord> out;
      auto done = with(Wait::no, [&](Data& data) {
        for (const auto& [id, d] : data.delegated) {
          const auto& [owner, topic, topic_id, partition, offset] = id;
          if (owner != service || d.row.state != runtime::RowState::retry || d.row.due >= due_before) continue;
          out.push_back({topic, topic_id, {partition}, {offset}, d.row, {}});
          if (!d.key) continue;
          const auto hash = runtime::sha256_16(*d.key);
          out.back().key_hash = std::string(hash.begin(), hash.end());
        }
        std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.row.due < b.row.due; });
        if (out.size() > at_most) out.resize(at_most);
      });
      if (!done) return std::move(done.error());
      return out;
    }
    runtime::LedgerResult<std::uint64_t> count_stuck(std::string_view service, core::Timestamp due_before) override {
      auto all = stuck(service, due_before, static_cast<std::size_t>(-1));
      if (!all) return std::move(all.error());
      return std::uint64_t{all->size()};
    }
    runtime::LedgerStatus postpone(std::string_view service, const runtime::OriginKey& o, core::Step step, core::Timestamp due) override {
      return with(Wait::yes, [&](Data& data) {
        const auto it = data.delegated.find({std::string(service), std::string(o.topic), o.topic_id, o.partition.value, o.offset.value});
        if (it != data.delegated.end() && it->second.row.state == runtime::RowState::retry && it->second.row.step == step) it->second.row.due = due;
      });
    }

   private:
    enum class Wait : std::uint8_t { no, yes };  // for the writer
    runtime::LedgerStatus with(Wait wait, const std::function<void(Data&)>& work) {
      if (auto e = ledger_.enter(Call::operations)) return *e;
      std::unique_lock lock(ledger_.mutex_);
      if (wait == Wait::yes && !ledger_.wait_for_writer(lock)) return busy();
      work(ledger_.data_);
      return runtime::LedgerStatus::success();
    }
    static std::int32_t generation(const Data& data, std::string_view service, std::string_view topic) {
      std::int32_t latest = 0;
      for (const auto& [id, row] : data.marks)
        if (std::get<0>(id) == service && std::get<1>(id) == topic) latest = std::max(latest, std::get<2>(id));
      return latest;
    }
    static bool is_behind(const OriginId& id, std::string_view service, std::int32_t topic_id, const runtime::Rewind& r) {
      const auto& [owner, topic, generation, partition, offset] = id;
      return owner == service && topic == r.where.topic && generation == topic_id && partition == r.where.partition.value && offset >= r.to.value;
    }
    static bool is_behind(const std::pair<const EventId, IdEntry>& id, std::string_view service, const runtime::Rewind& r) {
      return id.first.first == service && id.second.topic == r.where.topic && id.second.partition == r.where.partition && id.second.offset >= r.to;
    }
    static runtime::RewindFacts facts_of(const Data& data, std::string_view service, const runtime::Rewind& r) {
      runtime::RewindFacts facts;
      const std::int32_t topic_id = std::max(generation(data, service, r.where.topic), 1);
      const auto mark = data.marks.find({std::string(service), r.where.topic, topic_id, r.where.partition.value});
      if (mark != data.marks.end()) facts.mark = mark->second.mark.next;
      for (const auto& d : data.delegated) facts.delegated += is_behind(d.first, service, topic_id, r) ? 1 : 0;
      for (const auto& i : data.ids) {
        if (!is_behind(i, service, r)) continue;
        ++facts.ids;
        facts.done_ids += i.second.state == runtime::RowState::done ? 1 : 0;
      }
      return facts;
    }
    MemoryLedger& ledger_;
  };

  template <class F>
  std::invoke_result_t<F&> locked(F&& f) const {
    const std::lock_guard lock(mutex_);
    return f();
  }

  // Counts the call and answers the fault that waits for it.
  std::optional<Error> enter(Call call) {
    const std::lock_guard lock(mutex_);
    ++calls_[call];
    if (down_) return Error{Error::Kind::outage, "08006", "the fake ledger is down"};
    auto& queue = faults_[call];
    if (queue.empty()) return std::nullopt;
    Error error = std::move(queue.front());
    queue.pop_front();
    return error;
  }

  static core::Timestamp now() { return std::chrono::floor<core::Millis>(std::chrono::system_clock::now()); }
  static const std::string& service_of(const OriginId& id) { return std::get<0>(id); }
  static const std::string& service_of(const EventId& id) { return id.first; }

  // With mutex_ held, as the next.
  [[nodiscard]] bool has_row(const std::string& service, const IdEntry& id) const {
    return std::any_of(data_.delegated.begin(), data_.delegated.end(), [&](const auto& entry) {
      const auto& [of, topic, topic_id, partition, offset] = entry.first;
      return of == service && topic == id.topic && partition == id.partition.value && offset == id.offset.value;
    });
  }
  [[nodiscard]] std::int64_t epoch(const MarkId& id) const {
    const auto it = data_.marks.find(id);
    return it == data_.marks.end() ? 0 : it->second.mark.epoch;
  }

  // A test that forgot to end a transaction fails instead of hanging.
  bool wait_for_writer(std::unique_lock<std::mutex>& lock) {
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return !writer_; });
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // guarded by mutex_
  Data data_;
  bool writer_ = false, corked_ = false, down_ = false, elsewhere_ = false;
  std::uint64_t generation_ = 0;
  std::map<Call, std::deque<Error>> faults_;
  std::deque<Effectful> lost_;
  std::function<std::optional<Error>(const runtime::SqlStatement&)> hook_;
  Answer answer_;
  std::map<Call, std::size_t> calls_;
  std::size_t commits_ = 0, rollbacks_ = 0;
  Operations operations_{*this};
};

}  // namespace hostler::testing
