#include "runtime/settlement.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "core/admission.h"
#include "runtime/digest.h"
#include "runtime/letter.h"

namespace hostler::runtime {

using core::Outcome;

namespace {

// A record on a retry topic that is no copy of ours: its origin is where it lies, its row (if any) says that it was dead-lettered.
bool is_stray(const core::Record& record) { return record.step.value == 0; }

std::optional<core::DelegatedRow> to_core(const std::optional<Delegated>& row) {
  if (!row) return std::nullopt;
  return core::DelegatedRow{row->state == RowState::dead, row->state == RowState::parked, row->step};
}

core::CopyAdmission admit(const core::Record& record, const std::optional<Delegated>& row) {
  if (is_stray(record)) return row ? core::CopyAdmission::duplicate : core::CopyAdmission::run;
  return core::admit_copy(to_core(row), record.step, record.replay);
}

OriginKey origin_of(const core::Record& record) { return {record.topic, record.topic_id, record.partition, record.offset}; }

// By what suspects are known: a retry topic has no generation.
OriginKey delivery_of(const Slice& slice, const core::Record& record) {
  const auto& where = slice.batch->where;
  return {where.topic, slice.batch->mark == nullptr ? 0 : slice.batch->mark->topic_id, where.partition, record.delivered_offset};
}

MarkMove mark_move(const Slice& slice, const core::Mark& mark, core::Offset to) {
  const auto& where = slice.batch->where;
  const auto& last = slice.records().back();
  MarkMove move;
  move.key = {where.topic, mark.topic_id, where.partition};
  move.from = mark;
  move.to = to;
  move.acked = std::min(slice.batch->acked, mark.next);  // beyond the mark it would be of a time before a rewind
  move.last_offset = last.delivered_offset;
  move.last_timestamp = last.delivered_timestamp;
  move.last_hash = fingerprint(last.key, last.value);
  return move;
}

Fenced failed(LedgerError error) {
  Fenced out;
  switch (error.kind) {
    case LedgerError::Kind::again: out.kind = Fenced::Kind::again; break;
    case LedgerError::Kind::outage: out.kind = Fenced::Kind::outage; break;
    // The ledger's own statements: whatever is wrong with them is no record's fault.
    case LedgerError::Kind::record:
    case LedgerError::Kind::handler:
    case LedgerError::Kind::refused: out.kind = Fenced::Kind::handler; break;
  }
  out.error = std::move(error);
  return out;
}

}  // namespace

Settlement::Settlement(const core::HandlerConfig& handler, Ledger* ledger, bool open_while_handling)
    : handler_(handler), ledger_(ledger), open_while_handling_(open_while_handling), uses_ids_(handler.idempotency == core::Idempotency::event_id) {}

LedgerStatus Settlement::begin(const Slice& slice, std::span<Admission> admissions) {
  std::fill(admissions.begin(), admissions.end(), Admission::run);
  if (ledger_ == nullptr) return LedgerStatus::success();
  rollback();
  return slice.batch->is_retry() ? begin_retry(slice, admissions) : begin_source(slice, admissions);
}

LedgerStatus Settlement::begin_source(const Slice& slice, std::span<Admission> admissions) {
  if (!open_while_handling_ && !uses_ids_) return LedgerStatus::success();
  session_ = ledger_->lease();
  gather_ids(slice);
  if (open_while_handling_) {
    if (auto begun = session_->begin(); !begun) return begun;
    if (!uses_ids_) return LedgerStatus::success();
    flags_.resize(ids_.size());
    if (auto claimed = claim(slice, flags_); !claimed) return claimed;
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      if (flags_[i] == 0) admissions[id_records_[i]] = Admission::duplicate;
    }
    return LedgerStatus::success();
  }
  // An unlocked look spares handlers the duplicates; the claim at the fence decides.
  flags_.assign(ids_.size(), 0);
  const auto found = session_->find_ids(handler_.name, ids_, flags_);
  release();
  if (!found) return found;
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (flags_[i] != 0 || !seen.insert(ids_[i].event_id).second) admissions[id_records_[i]] = Admission::duplicate;
  }
  return LedgerStatus::success();
}

LedgerStatus Settlement::begin_retry(const Slice& slice, std::span<Admission> admissions) {
  session_ = ledger_->lease();
  if (auto begun = session_->begin(); !begun) return begun;
  if (auto locked = lock_rows(slice); !locked) return locked;

  const auto records = slice.records();
  std::set<std::tuple<std::string_view, std::int32_t, std::int32_t>> behind;  // marks to pass
  for (const std::size_t i : origin_records_) {
    const auto& r = records[i];
    if (admit(r, rows_[i]) == core::CopyAdmission::look_again) behind.insert({r.topic, r.topic_id, r.partition.value});
  }
  if (!behind.empty()) {  // never while holding row locks
    session_->rollback();
    std::vector<MarkKey> marks;
    for (const auto& [topic, topic_id, partition] : behind) marks.push_back({topic, topic_id, core::Partition{partition}});
    if (auto passed = session_->barrier(handler_.name, marks); !passed) return passed;
    if (auto begun = session_->begin(); !begun) return begun;
    if (auto locked = lock_rows(slice); !locked) return locked;
  }
  std::set<OriginKey, decltype([](const OriginKey& a, const OriginKey& b) {
             return std::tie(a.topic, a.topic_id, a.partition, a.offset) < std::tie(b.topic, b.topic_id, b.partition, b.offset);
           })>
      seen;
  for (const std::size_t i : origin_records_) {
    auto& r = records[i];
    const bool run = admit(r, rows_[i]) == core::CopyAdmission::run;
    if (!run || !seen.insert(origin_of(r)).second) {  // a twin in the batch: the later is a duplicate
      admissions[i] = Admission::duplicate;
      continue;
    }
    if (!rows_[i]) continue;
    r.attempt = r.replay ? core::Attempt{2} : rows_[i]->attempt;
    r.first_seen = rows_[i]->first_seen;
    if (uses_ids_ && !rows_[i]->event_id.empty()) r.event_id = slice.batch->texts.keep(rows_[i]->event_id);
  }
  if (!open_while_handling_) release();
  return LedgerStatus::success();
}

LedgerStatus Settlement::lock_rows(const Slice& slice) {
  const auto records = slice.records();
  origins_.clear();
  origin_records_.clear();
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].filtered) continue;
    origins_.push_back(origin_of(records[i]));
    origin_records_.push_back(i);
  }
  rows_.assign(slice.count, std::nullopt);
  if (origins_.empty()) return LedgerStatus::success();
  auto locked = session_->lock_delegated(handler_.name, origins_);
  if (!locked) return locked.error();
  for (std::size_t i = 0; i < origins_.size(); ++i) rows_[origin_records_[i]] = std::move((*locked)[i]);
  return LedgerStatus::success();
}

void Settlement::gather_ids(const Slice& slice) {
  ids_.clear();
  id_records_.clear();
  const auto records = slice.records();
  if (!uses_ids_) return;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto& r = records[i];
    if (r.event_id.empty() || r.filtered) continue;
    ids_.push_back({r.event_id, r.event_type, r.topic, r.partition, r.offset});
    id_records_.push_back(i);
  }
}

LedgerStatus Settlement::claim(const Slice& /*slice*/, std::span<std::uint8_t> claimed) {
  std::fill(claimed.begin(), claimed.end(), std::uint8_t{0});
  if (ids_.empty()) return LedgerStatus::success();
  return session_->claim_ids(handler_.name, ids_, claimed);
}

Fenced Settlement::fence(const Slice& slice, std::span<const core::Disposition> dispositions, core::Offset mark_to,
                         std::span<const EnqueuedStatement> statements) {
  Fenced out;
  if (ledger_ == nullptr) return out;
  dispositions_.assign(dispositions.begin(), dispositions.end());
  if (!open_while_handling_) {
    session_ = ledger_->lease();
    if (auto begun = session_->begin(); !begun) return failed(begun.error());
    if (auto trouble = admit_again(slice, dispositions_, out.duplicates)) return *trouble;
  }
  if (auto trouble = fence_and_run(slice, mark_to, dispositions_, statements)) return *trouble;
  if (auto written = write_rows(slice, dispositions_); !written) return failed(written.error());
  return out;
}

// The handler ran without a transaction: what it was admitted by is claimed or locked now, and may have been settled by a twin.
std::optional<Fenced> Settlement::admit_again(const Slice& slice, std::span<core::Disposition> dispositions, std::vector<std::size_t>& duplicates) {
  const auto make_duplicate = [&](std::size_t i) {
    dispositions[i] = {};
    dispositions[i].outcome = Outcome::duplicate;
    duplicates.push_back(i);
  };
  if (slice.batch->is_retry()) {
    if (auto locked = lock_rows(slice); !locked) return failed(locked.error());
    for (const std::size_t i : origin_records_) {
      if (dispositions[i].outcome != Outcome::duplicate && admit(slice.records()[i], rows_[i]) != core::CopyAdmission::run) make_duplicate(i);
    }
    return std::nullopt;
  }
  if (!uses_ids_) return std::nullopt;
  gather_ids(slice);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < ids_.size(); ++i) {  // known duplicates are not claimed
    if (dispositions[id_records_[i]].outcome == Outcome::duplicate) continue;
    ids_[kept] = ids_[i];
    id_records_[kept++] = id_records_[i];
  }
  ids_.resize(kept);
  id_records_.resize(kept);
  flags_.resize(kept);
  if (auto claimed = claim(slice, flags_); !claimed) return failed(claimed.error());
  for (std::size_t i = 0; i < kept; ++i) {
    if (flags_[i] == 0) make_duplicate(id_records_[i]);
  }
  return std::nullopt;
}

// The fence comes first: what is sent behind it counts only if it held.
std::optional<Fenced> Settlement::fence_and_run(const Slice& slice, core::Offset mark_to, std::span<const core::Disposition> dispositions,
                                                std::span<const EnqueuedStatement> statements) {
  to_run_.clear();
  run_records_.clear();
  for (const auto& enqueued : statements) {
    if (dispositions[enqueued.record].outcome != Outcome::done) continue;
    to_run_.push_back(enqueued.statement);
    run_records_.push_back(enqueued.record);
  }
  const auto* mark = slice.batch->mark;
  std::optional<StatementFailure> failure;
  if (mark == nullptr) {  // a retry topic: its locked rows are the fence
    if (!to_run_.empty()) failure = session_->run(to_run_);
  } else {
    const MarkMove move = mark_move(slice, *mark, mark_to);
    LedgerResult<LedgerSession::Settled> settled = LedgerSession::Settled{};
    if (!to_run_.empty()) {
      settled = session_->fence_and_run(handler_.name, move, to_run_);
    } else if (auto held = session_->fence(handler_.name, move)) {
      settled->held = *held;
    } else {
      settled = std::move(held.error());
    }
    if (!settled) return failed(std::move(settled.error()));
    if (!settled->held) {
      Fenced stale;
      stale.kind = Fenced::Kind::stale;
      return stale;
    }
    failure = std::move(settled->failure);
  }
  if (!failure) return std::nullopt;
  const auto kind = failure->error.kind;
  Fenced out = failed(std::move(failure->error));
  if (kind == LedgerError::Kind::record || kind == LedgerError::Kind::refused) {
    const bool known = failure->index < run_records_.size();
    out.kind = known ? Fenced::Kind::record : Fenced::Kind::narrow;
    out.failed = known ? run_records_[failure->index] : 0;
  }
  return out;
}

LedgerStatus Settlement::write_rows(const Slice& slice, std::span<const core::Disposition> dispositions) {
  const auto records = slice.records();
  const bool retry = slice.batch->is_retry();
  std::vector<Delegation> delegations;
  std::vector<OriginKey> settled, suspects;
  std::vector<std::string_view> ids_done, ids_retry, ids_dead;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto& r = records[i];
    const auto& d = dispositions[i];
    const bool has_id = uses_ids_ && !r.event_id.empty();
    if (r.crashes > 0) suspects.push_back(delivery_of(slice, r));
    switch (d.outcome) {
      case Outcome::done:
      case Outcome::drop:
        if (!retry) break;
        settled.push_back(origin_of(r));
        if (has_id) ids_done.push_back(r.event_id);
        break;
      case Outcome::retry:
      case Outcome::dead: {
        const bool dead = d.outcome == Outcome::dead;
        Delegation row;
        row.origin = origin_of(r);
        row.state = dead ? RowState::dead : RowState::retry;
        row.step = d.step;
        row.attempt = d.attempt;
        row.due = d.due;
        row.first_seen = r.first_seen;
        row.event_id = r.event_id;
        row.key = r.key;
        if (d.store_record) row.stored_record = stored_record(r, slice.batch->storage->headers(slice.first + i));
        delegations.push_back(std::move(row));
        if (has_id) (dead ? ids_dead : ids_retry).push_back(r.event_id);
        break;
      }
      case Outcome::duplicate:
      case Outcome::filtered: break;
    }
  }
  const auto& service = handler_.name;
  if (!delegations.empty()) {
    if (auto written = session_->write_delegated(service, delegations); !written) return written;
  }
  if (!settled.empty()) {
    if (auto erased = session_->erase_delegated(service, settled); !erased) return erased;
  }
  if (!suspects.empty()) {
    if (auto erased = session_->erase_suspects(service, suspects); !erased) return erased;
  }
  const auto set = [&](const std::vector<std::string_view>& ids, RowState state) {
    return ids.empty() ? LedgerStatus::success() : session_->set_id_states(service, ids, state);
  };
  if (auto done = set(ids_done, RowState::done); !done) return done;
  if (auto waiting = set(ids_retry, RowState::retry); !waiting) return waiting;
  return set(ids_dead, RowState::dead);
}

CommitOutcome Settlement::commit(LedgerError* why) {
  if (ledger_ == nullptr) return CommitOutcome::committed;
  const auto outcome = session_->commit(why);
  session_.reset();
  return outcome;
}

void Settlement::rollback() { release(); }

void Settlement::release() {
  if (session_ == nullptr) return;
  if (session_->in_transaction()) session_->rollback();
  session_.reset();
}

}  // namespace hostler::runtime
