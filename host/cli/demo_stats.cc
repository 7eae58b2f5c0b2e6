#include "cli/demo_stats.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "core/topic_names.h"

namespace hostler::cli {

using core::Outcome;

namespace {

constexpr std::size_t fates_kept = 200;

std::size_t index(Outcome outcome) { return static_cast<std::size_t>(outcome); }

std::string seconds(core::Millis time) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(time.count()) / 1000);
  return text.data();
}

std::string place(const std::string& topic, std::int32_t partition, std::int64_t offset) {
  return topic + "/" + std::to_string(partition) + "@" + std::to_string(offset);
}

std::string describe(const runtime::RecordNote& note, const std::string& delay) {
  const std::string reason(note.reason);
  switch (note.disposition.outcome) {
    case Outcome::done: return "done";
    case Outcome::duplicate: return "duplicate, ignored";
    case Outcome::retry:
      return "failed, attempt " + std::to_string(note.disposition.attempt.value) + " in " + delay;
    case Outcome::dead:
      return "dead letter, " + std::string(core::to_text(note.disposition.reason)) + ": " + reason;
    case Outcome::drop: return "dropped: " + reason;
    case Outcome::filtered: return "filtered, not for this handler";
  }
  return "";
}

} // namespace

std::uint64_t HandlerCounts::read() const {
  return std::accumulate(source.begin(), source.end(), std::uint64_t{0});
}

std::uint64_t HandlerCounts::ended(Outcome outcome) const {
  if (outcome == Outcome::retry) return 0;
  const bool copies_count = outcome != Outcome::duplicate && outcome != Outcome::filtered;
  return source[index(outcome)] + (copies_count ? retry[index(outcome)] : 0);
}

std::uint64_t HandlerCounts::settled() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < core::outcome_count; ++i) sum += ended(static_cast<Outcome>(i));
  return sum;
}

DemoStats::DemoStats(const core::HostConfig& config, const runtime::Clock& clock)
    : config_(config), clock_(clock) {
  for (const auto& handler : config.handlers) handlers_[handler.name];
}

void DemoStats::batch_settled(std::string_view handler, const core::TopicPartition& where, int retry_tier,
                              const runtime::SettledCounts& counts, core::Millis /*took*/) {
  const std::lock_guard lock(mutex_);
  auto& of_handler = handlers_[std::string(handler)];
  auto& into = retry_tier < 0 ? of_handler.source : of_handler.retry;
  for (std::size_t i = 0; i < core::outcome_count; ++i) into[i] += counts.by_outcome[i];
  if (retry_tier < 0) return;
  // A retry partition is read in the order it was written: so many copies at its head are settled, and those that nothing was noted
  // about are done.
  auto& copies = copies_[{std::string(handler), where}];
  for (auto n = std::accumulate(counts.by_outcome.begin(), counts.by_outcome.end(), std::uint64_t{0});
       n > 0 && !copies.empty(); --n) {
    const auto [origin, ticket] = std::move(copies.front());
    copies.pop_front();
    const auto found = waiting_.find(origin);
    if (found == waiting_.end() || found->second.ticket != ticket) continue;
    const WaitingRecord& r = found->second.record;
    const auto now = clock_.now();
    add_fate({now, r.handler, place(std::get<1>(origin), std::get<2>(origin), std::get<3>(origin)),
              r.event_id,
              "done on attempt " + std::to_string(r.attempt) + ", " + seconds(now - r.failed_first) +
                  " after it first failed",
              Outcome::done});
    waiting_.erase(found);
  }
}

void DemoStats::record_noted(const runtime::RecordNote& note) {
  const auto now = clock_.now();
  const auto& record = *note.record;
  Origin origin{std::string(note.handler), std::string(record.topic), record.partition.value,
                record.offset.value};
  const auto& delays = config_of(note.handler).retry.delays;
  const std::string delay = note.disposition.tier < delays.size() ? delays[note.disposition.tier].text : "";
  Fate fate{now,
            std::string(note.handler),
            place(std::string(record.topic), record.partition.value, record.offset.value),
            std::string(record.event_id),
            describe(note, delay),
            note.disposition.outcome};
  const std::lock_guard lock(mutex_);
  add_fate(std::move(fate));
  if (note.disposition.outcome == Outcome::retry)
    wait_for_copy(note, std::move(origin), now);
  else if (note.disposition.outcome != Outcome::duplicate)
    waiting_.erase(origin);
}

void DemoStats::wait_for_copy(const runtime::RecordNote& note, Origin origin, core::Timestamp now) {
  const auto& handler = config_of(note.handler);
  const auto topic = core::retry_topic(handler, note.record->topic, note.disposition.tier);
  if (!topic) return;
  auto& waiting = waiting_[origin];
  if (waiting.ticket == 0) {
    waiting.record.handler = handler.name;
    waiting.record.event_id = note.record->event_id;
    waiting.record.event_type = note.record->event_type;
    waiting.record.failed_first = now;
  }
  waiting.record.delay = handler.retry.delays[note.disposition.tier].text;
  waiting.record.attempt = note.disposition.attempt.value;
  waiting.record.due = note.disposition.due;
  waiting.ticket = ++tickets_;
  copies_[{handler.name, {topic.value(), note.record->partition}}].emplace_back(std::move(origin),
                                                                                waiting.ticket);
}

void DemoStats::intake(std::string_view handler, std::string_view paused_because) {
  const std::lock_guard lock(mutex_);
  handlers_[std::string(handler)].paused_because = paused_because;
}

DemoCounts DemoStats::snapshot() const {
  const std::lock_guard lock(mutex_);
  DemoCounts out{handlers_, {}, fates_};
  for (const auto& [origin, waiting] : waiting_) out.waiting.push_back(waiting.record);
  std::sort(out.waiting.begin(), out.waiting.end(),
            [](const auto& a, const auto& b) { return a.due < b.due; });
  return out;
}

const core::HandlerConfig& DemoStats::config_of(std::string_view handler) const {
  return *std::find_if(config_.handlers.begin(), config_.handlers.end(),
                       [&](const auto& h) { return h.name == handler; });
}

// With mutex_ held.
void DemoStats::add_fate(Fate fate) {
  fates_.push_back(std::move(fate));
  if (fates_.size() > fates_kept) fates_.pop_front();
}

} // namespace hostler::cli
