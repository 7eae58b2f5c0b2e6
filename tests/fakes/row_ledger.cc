#include "fakes/row_ledger.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

namespace hostler::testing {

using runtime::LedgerStatus;
using Error = runtime::LedgerError;

namespace {

RowLedger::EventId event_key(std::string_view service, std::string_view id) { return {std::string(service), std::string(id)}; }
RowLedger::OriginId origin_key(std::string_view service, const runtime::OriginKey& o) {
  return {std::string(service), std::string(o.topic), o.topic_id, o.partition.value, o.offset.value};
}
RowLedger::MarkId mark_key(std::string_view service, const runtime::MarkKey& m) {
  return {std::string(service), std::string(m.topic), m.topic_id, m.partition.value};
}

// Text whose order is the key's order among keys of one table.
std::string in_order(std::int64_t number) {
  std::string digits = std::to_string(number);
  return std::string(20 - digits.size(), '0') + digits;
}
std::string text_of(const RowLedger::EventId& k) { return k.first + '\0' + k.second; }
std::string text_of(const RowLedger::MarkId& k) {
  return std::get<0>(k) + '\0' + std::get<1>(k) + '\0' + in_order(std::get<2>(k)) + in_order(std::get<3>(k));
}
std::string text_of(const RowLedger::OriginId& k) {
  return std::get<0>(k) + '\0' + std::get<1>(k) + '\0' + in_order(std::get<2>(k)) + in_order(std::get<3>(k)) + in_order(std::get<4>(k));
}

Error no_transaction() { return {Error::Kind::handler, "25P01", "no transaction is open on this session"}; }
Error aborted() { return {Error::Kind::handler, "25P02", "the transaction is aborted: roll back"}; }
Error deadlock() { return {Error::Kind::again, "40P01", "deadlock detected"}; }

}  // namespace

// What the transaction has written lies over what is committed until COMMIT.
class RowLedger::Session final : public runtime::LedgerSession {
 public:
  explicit Session(RowLedger& ledger) : l_(ledger) {}
  ~Session() override {
    const std::lock_guard guard(l_.mutex_);
    end();  // also of a session whose wait was ended by an exception
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  LedgerStatus begin() override {
    if (open_) return Error{Error::Kind::handler, "25001", "a transaction is already open on this session"};
    open_ = true;
    return LedgerStatus::success();
  }

  void rollback() override {
    if (!open_) return;
    const std::lock_guard guard(l_.mutex_);
    end();
  }

  runtime::CommitOutcome commit(Error* why) override {
    const std::lock_guard guard(l_.mutex_);
    const auto error = cannot_work();
    if (!error) {
      for (auto& [k, row] : marks_) l_.marks_[k] = row;
      for (auto& [k, row] : ids_) l_.ids_[k] = std::move(row);
      for (auto& [k, row] : delegated_) {
        if (row) l_.delegated_[k] = std::move(*row);
        else l_.delegated_.erase(k);
      }
      for (const auto& k : cleared_) l_.suspects_.erase(k);
      l_.effects_.insert(l_.effects_.end(), effects_.begin(), effects_.end());
    } else if (why != nullptr) {
      *why = *error;
    }
    if (open_) end();
    return error ? runtime::CommitOutcome::failed : runtime::CommitOutcome::committed;
  }

  [[nodiscard]] bool in_transaction() const override { return open_; }

  LedgerStatus find_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> settled) override {
    const std::lock_guard guard(l_.mutex_);
    for (std::size_t i = 0; i < ids.size(); ++i) settled[i] = has_id(event_key(service, ids[i].event_id)) ? 1 : 0;
    return LedgerStatus::success();
  }

  // ON CONFLICT DO NOTHING: waits for whoever has inserted the id and not committed, then looks again.
  LedgerStatus claim_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> claimed) override {
    std::unique_lock guard(l_.mutex_);
    if (auto error = cannot_work()) return *error;
    std::vector<std::size_t> order(ids.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return ids[a].event_id < ids[b].event_id; });
    for (const std::size_t i : order) {
      const auto k = event_key(service, ids[i].event_id);
      claimed[i] = 0;
      if (has_id(k)) continue;
      const LockKey key{'a', text_of(k)};
      if (!l_.lock_row(guard, this, key)) return abort(deadlock());
      if (has_id(k)) {  // committed while we waited: not ours
        l_.unlock(key);
        continue;
      }
      ids_[k] = {runtime::RowState::done, std::string(ids[i].event_type.substr(0, 255))};
      claimed[i] = 1;
    }
    return LedgerStatus::success();
  }

  LedgerStatus set_id_states(std::string_view service, std::span<const std::string_view> ids, runtime::RowState state) override {
    std::unique_lock guard(l_.mutex_);
    if (auto error = cannot_work()) return *error;
    for (const auto id : sorted(ids)) {
      const auto k = event_key(service, id);
      if (!has_id(k)) continue;
      if (!l_.lock_row(guard, this, {'a', text_of(k)})) return abort(deadlock());
      if (!has_id(k)) continue;
      IdRow row = ids_.contains(k) ? ids_[k] : l_.ids_[k];
      row.state = state;
      ids_[k] = row;
    }
    return LedgerStatus::success();
  }

  runtime::LedgerResult<bool> fence(std::string_view service, const runtime::MarkMove& move) override {
    std::unique_lock guard(l_.mutex_);
    if (auto error = cannot_work()) return *error;
    const auto k = mark_key(service, move.key);
    if (!l_.marks_.contains(k)) return false;
    const LockKey key{'d', text_of(k)};
    if (!l_.lock_row(guard, this, key)) return abort(deadlock());
    MarkRow row = marks_.contains(k) ? marks_[k] : l_.marks_[k];
    if (row.mark.next != move.from.next || row.mark.epoch != move.from.epoch) {
      if (!marks_.contains(k)) l_.unlock(key);  // an UPDATE that finds nothing locks nothing
      return false;
    }
    row.mark.next = move.to;
    if (move.acked.value >= 0) row.acked = move.acked;
    marks_[k] = row;
    return true;
  }

  // A transaction for each mark, so that no two are held.
  LedgerStatus barrier(std::string_view service, std::span<const runtime::MarkKey> marks) override {
    std::unique_lock guard(l_.mutex_);
    if (open_) return Error{Error::Kind::handler, "25001", "barrier inside a transaction"};
    std::set<MarkId> distinct;
    for (const auto& m : marks) distinct.insert(mark_key(service, m));
    for (const auto& k : distinct) {
      if (!l_.marks_.contains(k)) continue;
      l_.lock_row(guard, this, {'d', text_of(k)});  // holds nothing else: never a deadlock
      l_.unlock_all(this);
    }
    return LedgerStatus::success();
  }

  // The statement's snapshot says which rows there are; each is then locked in order, and seen as it is by then.
  runtime::LedgerResult<std::vector<std::optional<runtime::Delegated>>> lock_delegated(std::string_view service,
                                                                                       std::span<const runtime::OriginKey> origins) override {
    std::unique_lock guard(l_.mutex_);
    if (auto error = cannot_work()) return *error;
    std::set<OriginId> snapshot;
    for (const auto& o : origins) {
      if (const auto k = origin_key(service, o); find(k) != nullptr) snapshot.insert(k);
    }
    for (const auto& k : snapshot) {
      if (!l_.lock_row(guard, this, {'b', text_of(k)})) return abort(deadlock());
    }
    std::vector<std::optional<runtime::Delegated>> out(origins.size());
    for (std::size_t i = 0; i < origins.size(); ++i) {
      const auto k = origin_key(service, origins[i]);
      if (const auto* row = snapshot.contains(k) ? find(k) : nullptr) out[i] = row->row;
    }
    return out;
  }

  LedgerStatus write_delegated(std::string_view service, std::span<const runtime::Delegation> rows) override {
    std::unique_lock guard(l_.mutex_);
    if (auto error = cannot_work()) return *error;
    std::map<OriginId, const runtime::Delegation*> last;
    for (const auto& r : rows) last[origin_key(service, r.origin)] = &r;
    for (const auto& [k, r] : last) {
      if (!l_.lock_row(guard, this, {'b', text_of(k)})) return abort(deadlock());
      delegated_[k] = DelegatedRow{{r->state, r->step, r->attempt, r->due, r->first_seen, std::string(r->event_id)}, r->stored_record};
    }
    return LedgerStatus::success();
  }

  LedgerStatus erase_delegated(std::string_view service, std::span<const runtime::OriginKey> origins) override {
    std::unique_lock guard(l_.mutex_);
    if (auto error = cannot_work()) return *error;
    std::set<OriginId> keys;
    for (const auto& o : origins) keys.insert(origin_key(service, o));
    for (const auto& k : keys) {
      if (find(k) == nullptr) continue;
      if (!l_.lock_row(guard, this, {'b', text_of(k)})) return abort(deadlock());
      delegated_[k] = std::nullopt;
    }
    return LedgerStatus::success();
  }

  LedgerStatus erase_suspects(std::string_view service, std::span<const runtime::OriginKey> places) override {
    std::unique_lock guard(l_.mutex_);
    if (auto error = cannot_work()) return *error;
    std::set<OriginId> keys;
    for (const auto& p : places) keys.insert(origin_key(service, p));
    for (const auto& k : keys) {
      if (!l_.suspects_.contains(k)) continue;
      if (!l_.lock_row(guard, this, {'c', text_of(k)})) return abort(deadlock());
      cleared_.insert(k);
    }
    return LedgerStatus::success();
  }

  std::optional<runtime::StatementFailure> run(std::span<const runtime::SqlStatement> statements) override {
    const std::lock_guard guard(l_.mutex_);
    if (auto error = cannot_work()) return runtime::StatementFailure{0, *error};
    for (std::size_t i = 0; i < statements.size(); ++i) {
      if (auto error = write(statements[i])) return runtime::StatementFailure{i, *error};
    }
    return std::nullopt;
  }

  runtime::LedgerResult<std::size_t> query(const runtime::SqlStatement& statement, bool read_only, const runtime::SqlRow&) override {
    const std::lock_guard guard(l_.mutex_);
    if (auto error = cannot_work()) return *error;
    if (auto error = read_only ? refused(statement) : write(statement)) return *error;
    return std::size_t{0};
  }

  runtime::LedgerResult<bool> same_transaction() override { return open_ && !aborted_; }

 private:
  // -- all of these with the ledger's mutex held --
  static std::vector<std::string_view> sorted(std::span<const std::string_view> ids) {
    std::vector<std::string_view> out(ids.begin(), ids.end());
    std::sort(out.begin(), out.end());
    return out;
  }
  [[nodiscard]] bool has_id(const EventId& k) const { return ids_.contains(k) || l_.ids_.contains(k); }
  [[nodiscard]] const DelegatedRow* find(const OriginId& k) const {
    if (const auto mine = delegated_.find(k); mine != delegated_.end()) return mine->second ? &*mine->second : nullptr;
    const auto it = l_.delegated_.find(k);
    return it == l_.delegated_.end() ? nullptr : &it->second;
  }
  [[nodiscard]] std::optional<Error> cannot_work() const {
    if (!open_) return no_transaction();
    if (aborted_) return aborted();
    return std::nullopt;
  }
  Error abort(Error error) {
    aborted_ = true;
    return error;
  }
  static std::optional<Error> refused(const runtime::SqlStatement& statement) {
    const auto word = runtime::refused_statement(statement.sql);
    if (word.empty()) return std::nullopt;
    return Error{Error::Kind::refused, "", std::string(word) + " is refused: the transaction belongs to the host"};
  }
  std::optional<Error> write(const runtime::SqlStatement& statement) {
    if (auto error = refused(statement)) return error;
    effects_.emplace_back(statement.sql);
    return std::nullopt;
  }
  void end() {
    open_ = aborted_ = false;
    marks_.clear();
    ids_.clear();
    delegated_.clear();
    cleared_.clear();
    effects_.clear();
    l_.unlock_all(this);
  }

  RowLedger& l_;
  bool open_ = false, aborted_ = false;
  std::map<MarkId, MarkRow> marks_;
  std::map<EventId, IdRow> ids_;
  std::map<OriginId, std::optional<DelegatedRow>> delegated_;  // empty: erased
  std::set<OriginId> cleared_;                                 // suspects
  std::vector<std::string> effects_;
};

bool RowLedger::lock_row(std::unique_lock<std::mutex>& guard, const Session* who, const LockKey& key) {
  const auto is_free = [&] {
    const auto it = locks_.find(key);
    return it == locks_.end() || it->second == who;
  };
  while (!is_free()) {
    if (would_deadlock(who, key)) return false;
    waiting_[who] = key;
    if (wait_) {
      guard.unlock();
      wait_([&] {
        const std::lock_guard inner(mutex_);
        return is_free();
      });
      guard.lock();
    } else {
      changed_.wait(guard, is_free);
    }
    waiting_.erase(who);
  }
  locks_[key] = who;
  return true;
}

// Whether the lock's holder waits, over others or not, for something of `who`.
bool RowLedger::would_deadlock(const Session* who, const LockKey& key) const {
  for (auto lock = locks_.find(key); lock != locks_.end();) {
    if (lock->second == who) return true;
    const auto waits = waiting_.find(lock->second);
    if (waits == waiting_.end()) return false;
    lock = locks_.find(waits->second);
  }
  return false;
}

void RowLedger::unlock(const LockKey& key) {
  locks_.erase(key);
  changed_.notify_all();
}

void RowLedger::unlock_all(const Session* who) {
  std::erase_if(locks_, [&](const auto& lock) { return lock.second == who; });
  waiting_.erase(who);
  changed_.notify_all();
}

std::unique_ptr<runtime::LedgerSession> RowLedger::lease() { return std::make_unique<Session>(*this); }

runtime::LedgerResult<std::vector<core::Mark>> RowLedger::take_over(std::string_view service, std::string_view /*cluster_id*/,
                                                                    std::span<const runtime::TakeOver> partitions) {
  Session session(*this);
  std::unique_lock guard(mutex_);
  std::map<std::pair<std::string, std::int32_t>, core::Mark> taken;
  for (const auto& p : partitions) taken[{p.where.topic, p.where.partition.value}].next = p.start;
  for (auto& [where, mark] : taken) {
    const MarkId k{std::string(service), where.first, 1, where.second};
    if (!lock_row(guard, &session, {'d', text_of(k)})) return deadlock();
    mark = marks_.try_emplace(k, MarkRow{{mark.next, 0, 1}, {}}).first->second.mark;
    ++mark.epoch;
  }
  for (auto& [where, mark] : taken) marks_[{std::string(service), where.first, 1, where.second}].mark = mark;
  unlock_all(&session);
  std::vector<core::Mark> out;
  for (const auto& p : partitions) out.push_back(taken.at({p.where.topic, p.where.partition.value}));
  return out;
}

LedgerStatus RowLedger::add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) {
  Session session(*this);
  std::unique_lock guard(mutex_);
  std::map<OriginId, const runtime::Suspect*> sorted;
  for (const auto& s : suspects) sorted.emplace(OriginId{s.service, s.where.topic, s.topic_id, s.where.partition.value, s.offset.value}, &s);
  for (const auto& [k, s] : sorted) {
    if (!lock_row(guard, &session, {'c', text_of(k)})) return deadlock();
  }
  if (told_.insert(std::string(run)).second) {
    for (const auto& [k, s] : sorted) {
      const auto [it, fresh] = suspects_.try_emplace(k, *s);
      if (fresh) continue;
      const auto known = std::exchange(it->second, *s);
      it->second.crashes += known.crashes;
      it->second.alone += known.alone;
    }
  }
  unlock_all(&session);
  return LedgerStatus::success();
}

runtime::LedgerResult<std::vector<runtime::Suspect>> RowLedger::suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions) {
  Session session(*this);
  std::unique_lock guard(mutex_);
  std::vector<runtime::Suspect> out;
  for (const auto& p : partitions) {
    const auto here = [&](std::int64_t offset) { return OriginId{std::string(service), p.where.topic, p.topic_id, p.where.partition.value, offset}; };
    std::vector<OriginId> settled;
    for (auto it = suspects_.lower_bound(here(INT64_MIN)); it != suspects_.upper_bound(here(INT64_MAX)); ++it) {
      if (std::get<4>(it->first) < p.next.value) settled.push_back(it->first);
      else out.push_back(it->second);
    }
    for (const auto& k : settled) {
      if (!lock_row(guard, &session, {'c', text_of(k)})) return deadlock();
      suspects_.erase(k);
    }
  }
  unlock_all(&session);
  return out;
}

std::vector<std::string> RowLedger::effects() const {
  const std::lock_guard guard(mutex_);
  return effects_;
}
std::map<RowLedger::OriginId, RowLedger::DelegatedRow> RowLedger::delegated() const {
  const std::lock_guard guard(mutex_);
  return delegated_;
}
std::map<RowLedger::EventId, RowLedger::IdRow> RowLedger::ids() const {
  const std::lock_guard guard(mutex_);
  return ids_;
}
std::optional<RowLedger::MarkRow> RowLedger::mark(const std::string& service, const std::string& topic, std::int32_t partition) const {
  const std::lock_guard guard(mutex_);
  const auto it = marks_.find({service, topic, 1, partition});
  return it == marks_.end() ? std::nullopt : std::optional(it->second);
}

}  // namespace hostler::testing
