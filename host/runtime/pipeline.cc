#include "runtime/pipeline.h"

#include <algorithm>
#include <cassert>
#include <deque>
#include <map>
#include <utility>

#include "core/route.h"
#include "core/topic_names.h"
#include "runtime/failpoint.h"
#include "runtime/letter.h"
#include "runtime/log.h"

namespace hostler::runtime {

using core::Outcome;
using core::Verdict;

namespace {
constexpr core::Millis first_pause{50}, longest_pause{5000}, wait_step{20}, misrouted_hold{10'000};
constexpr std::size_t most_sql_failures = 4;  // bad statements charged one by one before the slice is halved
constexpr std::size_t most_reruns = 8;        // … and re-runs after written queries
constexpr std::size_t most_collisions = 4;    // deadlocks and the like in a row that are run again at once
constexpr core::Millis long_wait{5'000};      // for a lock: longer than two batches get into each other's way

std::string sql_text(const LedgerError& error) { return "SQL error " + error.code + ": " + error.message; }

// A record on a retry topic that no host of ours wrote there.
bool is_stray(const core::Batch& batch, const core::Record& record) { return batch.is_retry() && record.step.value == 0; }

// In whose handling a host died, and which is handled again nevertheless.
bool is_suspect(const core::Record& record) { return record.crashes > 0 && !record.filtered && record.invalid == core::DeadReason::none; }

// The records are in the handler's hands for as long as this lives. The journal may be null.
class InHand {
 public:
  InHand(JournalLane* journal, const core::Batch& batch, std::span<const OffsetRun> pieces, std::size_t count) : journal_(pieces.empty() ? nullptr : journal) {
    if (journal_ != nullptr) journal_->enter(batch.where, batch.mark == nullptr ? 0 : batch.mark->topic_id, pieces, count);
  }
  ~InHand() {
    if (journal_ != nullptr) journal_->leave();
  }
  InHand(const InHand&) = delete;
  InHand& operator=(const InHand&) = delete;

 private:
  JournalLane* const journal_;
};
}  // namespace

Pipeline::Pipeline(PipelineParts parts) : parts_(std::move(parts)), decoder_(parts_.handler, parts_.event_types) {}
Pipeline::~Pipeline() = default;

bool Pipeline::run_once(core::Millis wait) {
  turned();
  const Poll poll = may_poll(wait);
  if (poll.most == 0 || !parts_.source.poll(batch_, poll.most, parts_.handler.batch.max_wait, poll.wait)) {
    if (parts_.progress != nullptr && !paused_because_.empty()) parts_.progress->paused({});  // what it paused for was revoked
    if (parts_.intake != nullptr) parts_.intake->leave(this, true, parts_.clock.steady());
    return false;
  }
  began_ = parts_.clock.steady();
  if (parts_.rate_limit != nullptr) parts_.rate_limit->take(batch_.records.size(), began_);
  decoder_.decode(batch_, parts_.clock.now());
  if (parts_.suspects != nullptr) parts_.suspects->mark(batch_);
  run_batch();
  if (parts_.intake != nullptr) parts_.intake->leave(this, false, parts_.clock.steady());
  return true;
}

// How many records breaker and rate limit allow, after waiting up to `wait` for one. The lane holds nothing meanwhile. Who probes does not
// wait for a record: another lane may have one.
Pipeline::Poll Pipeline::may_poll(core::Millis wait) {
  const core::SteadyTime until = parts_.clock.steady() + wait;
  for (;;) {
    const core::SteadyTime now = parts_.clock.steady();
    const auto answer = parts_.intake == nullptr ? Intake::Answer::open : parts_.intake->ask(this, !parts_.retries, now);
    if (answer != Intake::Answer::wait) {
      const Poll poll = answer == Intake::Answer::probe ? Poll{1, core::Millis(0)} : Poll{parts_.handler.batch.max_records, wait};
      if (parts_.rate_limit == nullptr) return poll;
      if (const std::size_t available = parts_.rate_limit->available(now); available > 0) return {std::min(poll.most, available), poll.wait};
    }
    if (now >= until || parts_.source.draining()) return {};
    const auto left = std::chrono::ceil<core::Millis>(until - now);
    const core::Millis token = answer == Intake::Answer::wait ? wait_step : parts_.rate_limit->next_token(now);
    parts_.clock.wait(std::min({token, wait_step, left}));
    turned();
  }
}

void Pipeline::run_batch() {
  std::size_t count = batch_.records.size();
  const auto misrouted = std::find_if(batch_.records.begin(), batch_.records.end(), [](const core::Record& r) { return r.misrouted; });
  if (misrouted != batch_.records.end()) count = static_cast<std::size_t>(misrouted - batch_.records.begin());

  if (any_forced_ || forced_.size() < batch_.records.size()) forced_.assign(batch_.records.size(), {});
  any_forced_ = false;
  for (std::size_t i = 0; i < count; ++i) {
    if (batch_.records[i].invalid != core::DeadReason::none) force(i, Verdict::reject, {0, std::string(batch_.records[i].invalid_text), "", {}});
  }
  std::vector<Slice> slices;  // the next one last
  cut(count, slices);
  while (!slices.empty()) {
    const Slice slice = slices.back();
    slices.pop_back();
    switch (settle(slice)) {
      case Settled::yes: break;
      case Settled::given_back: return;
      case Settled::split: {
        const std::size_t half = slice.count / 2;
        slices.push_back({&batch_, slice.first + half, slice.count - half});
        slices.push_back({&batch_, slice.first, half});
        break;
      }
    }
  }
  if (misrouted != batch_.records.end()) {
    log(LogLevel::error, place({&batch_, count, 1}, 0) + ": a retry copy of this group names another handler than '" + parts_.handler.name +
                             "'; the partition waits. Run that handler under its own group, or give this one its old name back");
    parts_.source.give_back(batch_, misrouted->delivered_offset, parts_.clock.steady() + misrouted_hold);
    return;
  }
  parts_.source.settled(batch_, batch_.records.back().delivered_offset.next());
}

// The batch in slices: a suspect that is handled again has one for itself, so that its neighbours neither crash nor wait with it.
void Pipeline::cut(std::size_t count, std::vector<Slice>& slices) {
  std::size_t end = count;
  for (std::size_t i = count; i-- > 0;) {
    if (!is_suspect(batch_.records[i])) continue;
    if (i + 1 < end) slices.push_back({&batch_, i + 1, end - i - 1});
    slices.push_back({&batch_, i, 1});
    end = i;
  }
  if (end > 0) slices.push_back({&batch_, 0, end});
}

Pipeline::Settled Pipeline::settle(const Slice& slice) {
  admissions_.assign(slice.count, Admission::run);
  ran_.assign(slice.count, 0);
  executed_ = false;
  sql_failures_ = reruns_ = collisions_ = 0;
  for (;;) {
    if (!parts_.source.owns(batch_)) return give_back(slice, core::Millis(0));
    Settled end{};
    if (!handle(slice, end)) {
      if (end != Settled::yes) return end;
      continue;
    }
    route(slice);
    const auto published_and_committed = [&] { return parts_.source.transaction() != nullptr ? transact(slice, end) : publish(slice, end) && commit(slice, end); };
    if (!rerun_without_undone(slice, end) || !fence(slice, end) || !published_and_committed()) {
      if (end != Settled::yes) return end;
      continue;
    }
    flowing();
    turned();
    tell_intake(slice);
    tell_relay(slice);
    report(slice);
    if (parts_.suspects != nullptr) note_suspects(slice);
    return Settled::yes;
  }
}

// Steps 2 and 3: begin and execute. False: `end` says how, or (end == yes) to try again.
bool Pipeline::handle(const Slice& slice, Settled& end) {
  end = Settled::yes;
  // Before the transaction, so that nobody waits for a turn with locks in hand; and nobody has a turn while it waits for anything else.
  HandlingGate::Turn turn(parts_.gate, is_suspect(slice.records().front()) ? HandlingGate::Company::none : HandlingGate::Company::welcome, [this] {
    turned();
    return still_mine();
  });
  if (!turn.entered()) {
    end = give_back(slice, core::Millis(0));
    return false;
  }
  const core::SteadyTime asked = parts_.clock.steady();
  const auto begun = [&] {
    const LaneProgress::Visit waits(parts_.progress, LaneProgress::Place::ledger);
    auto status = parts_.lane.begin(slice, admissions_);
    if (status && failpoint("begun")) status = LedgerError{LedgerError::Kind::outage, "", "the session was lost"};
    return status;
  }();
  if (!begun) {
    turn.end();
    parts_.lane.rollback();
    const bool collided = begun.error().kind == LedgerError::Kind::again;
    if (collided ? !run_again(begun.error(), asked) : !outage("ledger: " + begun.error().message)) end = give_back(slice, core::Millis(0));
    return false;
  }
  const auto records = slice.records();
  run_.resize(slice.count);
  for (std::size_t i = 0; i < slice.count; ++i) {
    const auto& r = records[i];
    run_[i] = admissions_[i] == Admission::run && !forced_[slice.first + i].on && !r.filtered && r.invalid == core::DeadReason::none;
  }
  // Verdicts of an earlier run stand when the same records ran and none of them looked into the rolled back transaction.
  if (executed_ && run_ == ran_ && !verdicts_.queried) return true;
  if (!name_pieces(slice)) {  // more than can be named are not handed out together
    parts_.lane.rollback();
    end = Settled::split;
    return false;
  }
  const core::SteadyTime called = parts_.clock.steady();
  auto executed = [&] {
    const LaneProgress::Visit runs(parts_.progress, LaneProgress::Place::handler);
    const InHand in_hand(parts_.journal, batch_, pieces_, in_hand_);
    return parts_.lane.execute(slice, run_);
  }();
  turn.end();
  executed_ = executed.ok();
  if (!executed_) {
    parts_.lane.rollback();
    end = after_failed_execution(slice, executed.error(), called);
    return false;
  }
  verdicts_ = std::move(executed.value());
  ran_ = run_;
  return true;
}

// What the handler is about to get, for the journal.
bool Pipeline::name_pieces(const Slice& slice) {
  pieces_.clear();
  if (parts_.journal == nullptr) return true;
  const auto records = slice.records();
  in_hand_ = static_cast<std::size_t>(std::count(run_.begin(), run_.end(), std::uint8_t{1}));
  const core::Offset first = records.front().delivered_offset, last = records.back().delivered_offset;
  if (in_hand_ == records.size() && last.value - first.value + 1 == static_cast<std::int64_t>(records.size())) {
    pieces_.push_back({first, last});
    return true;
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (run_[i] == 0) continue;
    const core::Offset at = records[i].delivered_offset;
    if (!pieces_.empty() && pieces_.back().last.next() == at) pieces_.back().last = at;
    else pieces_.push_back({at, at});
  }
  return pieces_.size() <= CrashJournal::most_runs;
}

Pipeline::Settled Pipeline::after_failed_execution(const Slice& slice, ExecuteFailure& failure, core::SteadyTime called) {
  const std::string sql = sql_text(failure.error);
  switch (failure.kind) {
    case ExecuteFailure::Kind::handler: {
      if (std::count(run_.begin(), run_.end(), std::uint8_t{1}) > 1) return Settled::split;
      const auto guilty = static_cast<std::size_t>(std::find(run_.begin(), run_.end(), std::uint8_t{1}) - run_.begin());
      force(slice.first + guilty, Verdict::retry, std::move(failure.detail));
      return Settled::yes;
    }
    case ExecuteFailure::Kind::unavailable: {  // with no breaker the lane holds what it has; else one record probes
      const std::string why = "handler: " + failure.detail.reason;
      if (parts_.intake == nullptr) return pause(why) ? Settled::yes : give_back(slice, core::Millis(0));
      note_intake(parts_.intake->outage(this, core::Breaker::Cause::handler, why, parts_.clock.steady()));
      return give_back(slice, core::Millis(0));
    }
    case ExecuteFailure::Kind::ledger: break;
  }
  switch (failure.error.kind) {
    case LedgerError::Kind::record:
    case LedgerError::Kind::refused: force(slice.first + failure.record, sql_verdict(), {0, sql, "", {}}); return Settled::yes;
    case LedgerError::Kind::again: return run_again(failure.error, called) ? Settled::yes : give_back(slice, core::Millis(0));
    case LedgerError::Kind::outage:
    case LedgerError::Kind::handler: break;
  }
  return outage("ledger: " + sql) ? Settled::yes : give_back(slice, core::Millis(0));
}

void Pipeline::route(const Slice& slice) {
  const auto records = slice.records();
  const auto now = parts_.clock.now();
  dispositions_.resize(slice.count);
  for (std::size_t i = 0; i < slice.count; ++i) {
    if (admissions_[i] == Admission::duplicate && !records[i].filtered) {
      dispositions_[i] = {};
      dispositions_[i].outcome = Outcome::duplicate;
      continue;
    }
    const auto& forced = forced_[slice.first + i];
    const Verdict verdict = forced.on ? forced.verdict : verdicts_.verdicts[i];
    dispositions_[i] = core::route(records[i], verdict, detail_of(slice, i), parts_.handler.retry, now);
    if (forced.too_large_for_retry && dispositions_[i].outcome == Outcome::retry) {
      auto& d = dispositions_[i];
      d.outcome = Outcome::dead;
      d.reason = core::DeadReason::retries_exhausted;
      d.attempt = records[i].attempt;
      d.due = now;
    }
    dispositions_[i].store_record = forced.store_record;
  }
}

// SQL of a record commits if and only if its verdict is done: what was written through queries cannot be taken apart, so the
// undone records keep their verdicts and the others run again without them.
bool Pipeline::rerun_without_undone(const Slice& slice, Settled& end) {
  end = Settled::yes;
  if (!verdicts_.wrote_by_query) return true;
  bool undone = false;
  for (std::size_t i = 0; i < slice.count; ++i) {
    if (run_[i] == 0 || dispositions_[i].outcome == Outcome::done) continue;
    const auto* detail = detail_of(slice, i);
    force(slice.first + i, verdicts_.verdicts[i], detail == nullptr ? core::VerdictDetail{} : *detail);
    undone = true;
  }
  if (!undone) return true;
  parts_.lane.rollback();
  if (++reruns_ > most_reruns && slice.count > 1) end = Settled::split;
  return false;
}

bool Pipeline::fence(const Slice& slice, Settled& end) {
  end = Settled::yes;
  const core::SteadyTime asked = parts_.clock.steady();
  const Fenced fenced = [&] {
    const LaneProgress::Visit waits(parts_.progress, LaneProgress::Place::ledger);
    return parts_.lane.fence(slice, dispositions_, mark_to(slice));
  }();
  if (fenced.kind == Fenced::Kind::fenced) {
    for (const std::size_t i : fenced.duplicates) {
      dispositions_[i] = {};
      dispositions_[i].outcome = Outcome::duplicate;
    }
    return true;
  }
  parts_.lane.rollback();
  const std::string sql = sql_text(fenced.error);
  switch (fenced.kind) {
    case Fenced::Kind::fenced: break;
    case Fenced::Kind::stale: return look_at_mark(slice, end, false);
    case Fenced::Kind::record:
      force(slice.first + fenced.failed, sql_verdict(), {0, sql, "", {}});
      if (++sql_failures_ >= most_sql_failures && slice.count > 1) end = Settled::split;
      break;
    case Fenced::Kind::again:
      if (!run_again(fenced.error, asked)) end = give_back(slice, core::Millis(0));
      break;
    case Fenced::Kind::narrow: {
      const auto is_done = [](const core::Disposition& d) { return d.outcome == Outcome::done; };
      if (std::count_if(dispositions_.begin(), dispositions_.end(), is_done) > 1) {
        end = Settled::split;
        break;
      }
      const auto guilty = std::find_if(dispositions_.begin(), dispositions_.end(), is_done);
      if (guilty != dispositions_.end()) {
        force(slice.first + static_cast<std::size_t>(guilty - dispositions_.begin()), sql_verdict(), {0, sql, "", {}});
        break;
      }
      [[fallthrough]];  // nobody's statement: the database's own trouble
    }
    case Fenced::Kind::outage:
    case Fenced::Kind::handler:
      if (!outage("ledger: " + sql)) end = give_back(slice, core::Millis(0));
      break;
  }
  return false;
}

bool Pipeline::publish(const Slice& slice, Settled& end) {
  end = Settled::yes;
  Outgoing out;
  gather(slice, out);
  if (out.records.empty()) return true;
  const auto failures = publish_all(nullptr, out);
  report_published(out.records, failures);
  if (failures.empty()) return true;
  parts_.lane.rollback();
  after_failed_publish(slice, out, failures, end);
  return false;
}

void Pipeline::gather(const Slice& slice, Outgoing& out) {
  for (std::size_t i = 0; i < slice.count; ++i) {
    const auto outcome = dispositions_[i].outcome;
    if (outcome == Outcome::retry || (outcome == Outcome::dead && !dispositions_[i].store_record)) build_copy(slice, i, out);
  }
  parts_.lane.take_outputs(slice, dispositions_, out.records);
}

// In the transaction, if there is one. Precondition: there is something to publish.
std::vector<PublishFailure> Pipeline::publish_all(Transaction* transaction, const Outgoing& out) {
  const LaneProgress::Visit waits(parts_.progress, LaneProgress::Place::brokers);
  const auto lost = [&] { return std::vector<PublishFailure>{{0, PublishFailure::Kind::unavailable, "no acknowledgement for " + out.records.front().topic}}; };
  if (failpoint("publish")) return lost();
  auto failures = transaction != nullptr ? transaction->publish(out.records) : parts_.publisher.publish(out.records);
  return failures.empty() && failpoint("published") ? lost() : failures;
}

// A copy that never fits is made smaller for the next try; whatever else failed is waited for.
void Pipeline::after_failed_publish(const Slice& slice, const Outgoing& out, std::span<const PublishFailure> failures, Settled& end) {
  std::string waits_for;
  for (const auto& failure : failures) {
    const bool copy = failure.index < out.owner.size();
    const std::size_t record = copy ? out.owner[failure.index] : 0;
    // Without a ledger there is no row to keep a record that fits nowhere: the partition stops.
    const bool last_resort = copy && forced_[slice.first + record].letter == core::LetterSize::no_error_text;
    if (copy && failure.kind == PublishFailure::Kind::too_large && (parts_.marks != nullptr || !last_resort)) {
      note_publish_failure(slice, record, failure);
    } else if (copy && failure.kind == PublishFailure::Kind::topic_missing && parts_.marks != nullptr && is_stray(batch_, slice.records()[record])) {
      any_forced_ = forced_[slice.first + record].store_record = true;  // nobody's topic: a stranger's record must not stop a tier
    } else {
      waits_for = failure.message;
    }
  }
  if (!waits_for.empty() && !pause("publishing: " + waits_for)) end = give_back(slice, core::Millis(0));
}

bool Pipeline::commit(const Slice& slice, Settled& end) {
  end = Settled::yes;
  LedgerError why;
  const auto committed = [&] {
    const LaneProgress::Visit waits(parts_.progress, LaneProgress::Place::ledger);
    if (failpoint("commit")) {
      why.message = "the session was lost";
      return CommitOutcome::failed;
    }
    const auto outcome = parts_.lane.commit(&why);
    return outcome == CommitOutcome::committed && failpoint("committed") ? CommitOutcome::unknown : outcome;
  }();
  switch (committed) {
    case CommitOutcome::committed:
      if (batch_.mark != nullptr) batch_.mark->next = mark_to(slice);
      return true;
    case CommitOutcome::failed:
      parts_.lane.rollback();
      if (!outage("ledger: COMMIT failed: " + why.message)) end = give_back(slice, core::Millis(0));
      return false;
    case CommitOutcome::unknown:
      parts_.lane.rollback();
      log(LogLevel::warn, place(slice, 0) + ": the reply to COMMIT was lost (" + why.message + "); the ledger is asked what became of it");
      return look_at_mark(slice, end, true);
  }
  return false;
}

// Step 0. True only if the mark says that this very slice was committed after all.
bool Pipeline::look_at_mark(const Slice& slice, Settled& end, bool reply_lost) {
  end = Settled::yes;
  if (batch_.mark == nullptr) return false;  // a retry batch: its rows are read again and decide
  if (!reply_lost) parts_.clock.wait(first_pause);  // two that both believe to own it must not chase each other
  const core::Offset ours = batch_.mark->next;
  const std::int32_t topic_id = batch_.mark->topic_id;
  for (;;) {
    if (!parts_.source.owns(batch_)) break;
    const auto mark = [&] {
      const LaneProgress::Visit waits(parts_.progress, LaneProgress::Place::ledger);
      return parts_.marks->take_over(batch_.where, ours);
    }();
    if (!mark) {
      if (!outage("ledger: " + mark.error().message)) break;
      continue;
    }
    *batch_.mark = mark.value();
    const bool same_topic = mark->topic_id == topic_id;  // else it was adopted as another: its records have other origins
    if (same_topic && mark->next == ours) return false;  // nothing moved: settle the slice again under the new epoch
    if (same_topic && reply_lost && mark->next == mark_to(slice)) return true;
    log(LogLevel::warn, place(slice, 0) + ": another owner moved the mark to offset " + std::to_string(mark->next.value) + "; reading goes on there");
    parts_.source.give_back(batch_, mark->next, parts_.clock.steady());
    end = Settled::given_back;
    return false;
  }
  end = give_back(slice, core::Millis(0));
  return false;
}

void Pipeline::build_copy(const Slice& slice, std::size_t index, Outgoing& out) {
  const auto& record = slice.records()[index];
  const auto& disposition = dispositions_[index];
  const auto& handler = parts_.handler;
  const auto* detail = detail_of(slice, index);
  const auto now = parts_.clock.now();
  const bool dead = disposition.outcome == Outcome::dead;
  const auto size = forced_[slice.first + index].letter;

  OutRecord copy;
  const auto topic = !dead               ? core::retry_topic(handler, record.topic, disposition.tier)
                     : is_stray(batch_, record) ? core::stray_letter_topic(handler, record.topic)
                                        : core::dead_letter_topic(handler, record.topic);
  copy.topic = topic ? topic.value() : std::string();  // names were checked when the topic was assigned
  if (!dead) copy.partition = record.partition;
  copy.key = record.key;
  copy.value = record.value;
  if (dead && handler.dead_letter.format == core::LetterFormat::json) {
    out.values.push_back(json_letter(record, disposition, handler, detail, now, size));
    copy.value = core::Bytes(out.values.back());
  }
  const auto own = batch_.storage->headers(slice.first + index);
  copy.headers = core::copy_headers(record, own, disposition, handler, detail, now, size);
  out.records.push_back(std::move(copy));
  out.owner.push_back(index);
}

// A copy that never fits: a retry copy becomes a dead letter, a letter loses its optional parts, the ledger row keeps the rest.
void Pipeline::note_publish_failure(const Slice& slice, std::size_t index, const PublishFailure& failure) {
  const auto* detail = detail_of(slice, index);
  const Verdict verdict = forced_[slice.first + index].on ? forced_[slice.first + index].verdict : verdicts_.verdicts[index];
  force(slice.first + index, verdict, detail == nullptr ? core::VerdictDetail{} : *detail);
  auto& forced = forced_[slice.first + index];
  if (dispositions_[index].outcome == Outcome::retry) {
    forced.too_large_for_retry = true;
    log(LogLevel::warn, place(slice, index) + ": the retry copy is too large (" + failure.message + "); it goes to the dead letters");
  } else if (forced.letter == core::LetterSize::full) {
    forced.letter = core::LetterSize::no_foreign_headers;
  } else if (forced.letter == core::LetterSize::no_foreign_headers) {
    forced.letter = core::LetterSize::no_error_text;
  } else {
    forced.store_record = true;
    log(LogLevel::warn, place(slice, index) + ": the dead letter fits no topic (" + failure.message + "); the ledger row keeps the record");
  }
}

void Pipeline::force(std::size_t index, Verdict verdict, core::VerdictDetail detail) {
  auto& forced = forced_[index];
  any_forced_ = forced.on = true;
  forced.verdict = verdict;
  forced.detail = std::move(detail);
}

Verdict Pipeline::sql_verdict() const { return parts_.handler.on_sql_error == core::SqlErrorVerdict::reject ? Verdict::reject : Verdict::retry; }

void Pipeline::report_published(std::span<const OutRecord> records, std::span<const PublishFailure> failures) {
  std::map<std::string_view, std::pair<std::uint64_t, std::uint64_t>> counts;  // topic: acknowledged, failed
  for (const auto& record : records) ++counts[record.topic].first;
  for (const auto& failure : failures) {
    auto& count = counts[records[failure.index].topic];
    --count.first;
    ++count.second;
  }
  for (const auto& [topic, count] : counts) parts_.observer.published(parts_.handler.name, topic, count.first, count.second);
}

void Pipeline::tell_relay(const Slice& slice) const {
  if (parts_.relay == nullptr) return;
  if (!batch_.is_retry()) return parts_.relay->written(batch_.where);
  for (const auto& r : slice.records()) parts_.relay->written({std::string(r.topic), r.partition});
}

void Pipeline::report(const Slice& slice) {
  SettledCounts counts;
  const auto records = slice.records();
  for (std::size_t i = 0; i < slice.count; ++i) {
    const auto& d = dispositions_[i];
    ++counts.by_outcome[static_cast<std::size_t>(d.outcome)];
    counts.bytes += records[i].key.size + records[i].value.size;
    if (d.outcome == Outcome::done) continue;
    const auto* detail = detail_of(slice, i);
    const std::string_view reason = detail == nullptr ? std::string_view() : std::string_view(detail->reason);
    parts_.observer.record_noted({parts_.handler.name, &records[i], &batch_.where, d, reason});
  }
  const auto took = std::chrono::duration_cast<core::Millis>(parts_.clock.steady() - began_);
  parts_.observer.batch_settled(parts_.handler.name, batch_.where, batch_.is_retry() ? static_cast<int>(*batch_.tier) : -1, counts, took);
}

// The database takes nothing, and no record is to blame: stops the intake of all lanes and waits until this one may try again.
// False: give up (draining or revoked).
bool Pipeline::outage(const std::string& why) {
  if (parts_.intake == nullptr) return pause(why);
  note_intake(parts_.intake->outage(this, core::Breaker::Cause::database, why, parts_.clock.steady()));
  if (parts_.progress != nullptr) parts_.progress->paused(why);
  bool mine = true;
  while ((mine = still_mine()) && parts_.intake->ask(this, true, parts_.clock.steady()) == Intake::Answer::wait) {
    parts_.clock.wait(wait_step);
    turned();
  }
  if (parts_.progress != nullptr) parts_.progress->paused({});
  return mine;
}

// Waits with growing pauses because of something that concerns this lane's records alone. False: give up (draining or revoked).
bool Pipeline::pause(const std::string& why) {
  say_paused(why);
  pause_ = std::clamp(pause_ * 2, first_pause, longest_pause);
  const auto until = parts_.clock.steady() + pause_;
  while (parts_.clock.steady() < until) {
    if (!still_mine()) return false;
    parts_.clock.wait(std::min(wait_step, pause_));
    turned();
  }
  return true;
}

bool Pipeline::still_mine() const { return !parts_.source.draining() && parts_.source.owns(batch_); }

void Pipeline::say_paused(const std::string& why) {
  if (parts_.progress != nullptr) parts_.progress->paused(why);
  if (why == paused_because_) return;
  paused_because_ = why;
  log(LogLevel::warn, "handler " + parts_.handler.name + ", " + batch_.where.topic + "/" + std::to_string(batch_.where.partition.value) + ": waiting: " + why);
  parts_.observer.intake(parts_.handler.name, why);
}

void Pipeline::note_suspects(const Slice& slice) {
  for (const auto& record : slice.records()) {
    if (record.crashes > 0) parts_.suspects->settled(batch_.where, record);
  }
}

// What the handler made of the slice's records; copies, duplicates and what never reached it say nothing about it.
void Pipeline::tell_intake(const Slice& slice) {
  if (parts_.intake == nullptr) return;
  core::Breaker::Verdicts verdicts;
  const auto records = slice.records();
  for (std::size_t i = 0; i < slice.count; ++i) {
    const auto& d = dispositions_[i];
    if (records[i].invalid != core::DeadReason::none) continue;
    const bool failed = d.outcome == Outcome::retry || d.reason == core::DeadReason::retries_exhausted;
    verdicts.failed += failed ? 1 : 0;
    verdicts.done += d.outcome == Outcome::done || d.outcome == Outcome::drop ? 1 : 0;
    verdicts.rejected += d.outcome == Outcome::dead && !failed ? 1 : 0;
  }
  note_intake(parts_.intake->settled(this, verdicts, !batch_.is_retry(), parts_.clock.steady()));
}

void Pipeline::note_intake(Intake::Change change) {
  if (change == Intake::Change::none) return;
  const std::string who = "handler " + parts_.handler.name;
  if (change == Intake::Change::flows) {
    log(LogLevel::info, who + ": records flow again (breaker closed)");
    parts_.observer.intake(parts_.handler.name, "");
    return;
  }
  const std::string why = parts_.intake->because();
  log(LogLevel::warn, who + ": intake stops until a try succeeds (breaker open): " + why);
  parts_.observer.intake(parts_.handler.name, why);
}

// Two batches got into each other's way (a deadlock, a serialization failure): the transaction runs again at once. When that has been tried often, or
// the lock was waited for long, somebody else holds it; other lanes have other marks. False: as of pause().
bool Pipeline::run_again(const LedgerError& why, core::SteadyTime asked) {
  if (++collisions_ > most_collisions || parts_.clock.steady() - asked >= long_wait) return pause("ledger: " + sql_text(why));
  parts_.clock.wait(core::Millis(1));
  return true;
}

void Pipeline::turned() const {
  if (parts_.progress != nullptr) parts_.progress->turned();
}

void Pipeline::flowing() {
  pause_ = core::Millis(0);
  if (paused_because_.empty()) return;
  paused_because_.clear();
  log(LogLevel::info, "handler " + parts_.handler.name + ": records flow again");
  parts_.observer.intake(parts_.handler.name, "");
  if (parts_.progress != nullptr) parts_.progress->paused({});
}

Pipeline::Settled Pipeline::give_back(const Slice& slice, core::Millis hold) {
  parts_.lane.rollback();
  parts_.source.give_back(batch_, slice.records().front().delivered_offset, parts_.clock.steady() + hold);
  return Settled::given_back;
}

core::Offset Pipeline::mark_to(const Slice& slice) const { return slice.records().back().delivered_offset.next(); }

const core::VerdictDetail* Pipeline::detail_of(const Slice& slice, std::size_t index) const {
  const auto& forced = forced_[slice.first + index];
  if (forced.on) return &forced.detail;
  const auto found = verdicts_.details.find(index);
  return found == verdicts_.details.end() ? nullptr : &found->second;
}

std::string Pipeline::place(const Slice& slice, std::size_t index) const {
  return "handler " + parts_.handler.name + ", " + batch_.where.topic + "/" + std::to_string(batch_.where.partition.value) + "@" +
         std::to_string(slice.records()[index].delivered_offset.value);
}

}  // namespace hostler::runtime
