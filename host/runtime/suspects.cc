#include "runtime/suspects.h"

#include <utility>

#include "runtime/log.h"

namespace hostler::runtime {
namespace {

std::string text_of(const core::TopicPartition& where) { return where.topic + "/" + std::to_string(where.partition.value); }

std::string times(std::uint32_t n) { return n == 1 ? "once" : std::to_string(n) + " times"; }

std::string suspects_in_words(std::int64_t n) {
  return n == 1 ? "1 suspect, which is handled alone" : std::to_string(n) + " suspects, which are handled one by one";
}

}  // namespace

std::vector<Suspect> suspects_of(const Crash& crash) {
  std::vector<Suspect> out;
  for (const auto& call : crash.calls) {
    for (const auto& run : call.runs) {
      for (core::Offset at = run.first; at <= run.last; at = at.next()) {
        out.push_back({call.handler, call.where, call.topic_id, at, 1, call.alone ? 1U : 0U, call.hung, call.how});
      }
    }
  }
  return out;
}

std::vector<std::string> in_words(const Crash& crash) {
  std::vector<std::string> out;
  for (const auto& call : crash.calls) {
    std::int64_t records = 0;
    for (const auto& run : call.runs) records += run.last.value - run.first.value + 1;
    const auto first = call.runs.front().first.value, last = call.runs.back().last.value;
    out.push_back("the run before this one (pid " + std::to_string(crash.pid) + ") died of " + call.how + " while handler " + call.handler + " had " +
                  text_of(call.where) + "@" + std::to_string(first) + (first == last ? "" : ".." + std::to_string(last)) + ": " + suspects_in_words(records));
  }
  return out;
}

LedgerStatus Suspects::load(std::span<const TakenPartition> partitions) {
  std::vector<Suspect> found;
  if (ledger_ != nullptr) {
    auto read = ledger_->suspects(handler_.name, partitions);
    if (!read) return std::move(read.error());
    found = std::move(*read);
  } else if (local_ != nullptr) {
    found = local_->suspects(handler_.name, partitions);
  }
  const std::lock_guard lock(mutex_);
  for (const auto& p : partitions) known_.erase(p.where);
  for (auto& s : found) {
    auto& here = known_[s.where];
    const std::int64_t offset = s.offset.value;
    here.insert_or_assign(offset, std::move(s));
  }
  recount();
  for (const auto& p : partitions) {
    const auto here = known_.find(p.where);
    if (here == known_.end()) continue;
    log(LogLevel::warn, "handler " + handler_.name + ": " + text_of(p.where) + " has, from offset " + std::to_string(here->second.begin()->first) + " on, " +
                            suspects_in_words(static_cast<std::int64_t>(here->second.size())) + ": a host died in the handling of each");
  }
  return LedgerStatus::success();
}

void Suspects::forget(std::span<const core::TopicPartition> partitions) {
  if (count_ == 0) return;
  const std::lock_guard lock(mutex_);
  for (const auto& where : partitions) known_.erase(where);
  recount();
}

void Suspects::mark(core::Batch& batch) const {
  if (count_ == 0 || batch.records.empty()) return;
  const std::lock_guard lock(mutex_);
  const auto here = known_.find(batch.where);
  if (here == known_.end()) return;
  for (auto& record : batch.records) {
    const auto found = here->second.find(record.delivered_offset.value);
    if (found == here->second.end()) continue;
    const Suspect& s = found->second;
    if (batch.mark != nullptr && batch.mark->topic_id != s.topic_id) continue;  // of a topic of that name that is no more
    record.crashes = s.crashes;
    if (s.crashes < handler_.max_crashes || s.alone == 0 || record.filtered || record.misrouted || record.invalid != core::DeadReason::none) continue;
    record.invalid = s.hung ? core::DeadReason::hung : core::DeadReason::crashed;
    record.invalid_text = batch.texts.keep("a host died " + times(s.crashes) + " while it handled this record, the last time of: " + s.how +
                                           "; it is not handled any more (max_crashes = " + std::to_string(handler_.max_crashes) + ")");
  }
}

void Suspects::settled(const core::TopicPartition& where, const core::Record& record) {
  const std::lock_guard lock(mutex_);
  const auto here = known_.find(where);
  if (here == known_.end()) return;
  const auto found = here->second.find(record.delivered_offset.value);
  if (found == here->second.end()) return;
  if (ledger_ == nullptr && local_ != nullptr) local_->erase(found->second);
  const std::string which = "handler " + handler_.name + ": " + text_of(where) + "@" + std::to_string(record.delivered_offset.value);
  const bool given_up = record.invalid == core::DeadReason::crashed || record.invalid == core::DeadReason::hung;
  if (given_up) {
    log(LogLevel::error, which + ": " + std::string(record.invalid_text) + ": dead-lettered, reason " + std::string(to_text(record.invalid)));
  } else if (found->second.alone > 0) {
    log(LogLevel::info, which + ": settled, after hosts had died " + times(record.crashes) + " while they handled it (the last time of: " + found->second.how + ")");
  }
  here->second.erase(found);
  if (here->second.empty()) {
    known_.erase(here);
    log(LogLevel::info, "handler " + handler_.name + ": " + text_of(where) + " has no suspects left");
  }
  recount();
}

void Suspects::recount() {
  std::size_t count = 0;
  for (const auto& [where, by_offset] : known_) count += by_offset.size();
  count_ = count;
}

}  // namespace hostler::runtime
