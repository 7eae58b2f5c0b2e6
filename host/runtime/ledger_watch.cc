#include "runtime/ledger_watch.h"

#include <chrono>
#include <tuple>
#include <utility>
#include <vector>

namespace hostler::runtime {

using std::chrono::steady_clock;

void LedgerWatch::start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void LedgerWatch::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopping_.notify_all();
  thread_.join();
}

void LedgerWatch::run() {
  auto next_count = steady_clock::now();
  for (;;) {
    write_acknowledged();
    {
      std::unique_lock lock(mutex_);
      if (stop_) return;
    }
    look();
    if (const auto now = steady_clock::now(); now >= next_count) {
      count();
      next_count = now + count_every_;
    }
    std::unique_lock lock(mutex_);
    stopping_.wait_for(lock, every_, [this] { return stop_; });
  }
}

void LedgerWatch::acknowledged(const core::TopicPartition& where, const core::Mark& mark, core::Offset acked) {
  const std::lock_guard lock(mutex_);
  auto& told = told_[where];
  const bool known = told.mark.epoch == mark.epoch && told.mark.topic_id == mark.topic_id && told.acked == acked;
  if (!known) told = {mark, acked, false};
}

// What cannot be written now is tried again: nothing waits for it.
void LedgerWatch::write_acknowledged() {
  std::vector<Acknowledged> news;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [where, told] : told_) {
      if (!told.written) news.push_back({where, told.mark, told.acked});
    }
  }
  if (news.empty() || !ledger_.operations().acknowledge(service_, news)) return;
  const std::lock_guard lock(mutex_);
  for (const auto& one : news) {
    auto& told = told_[one.where];
    told.written = told.acked == one.acked && told.mark.epoch == one.mark.epoch && told.mark.topic_id == one.mark.topic_id;
  }
}

void LedgerWatch::look() {
  auto marks = ledger_.operations().marks(service_);
  if (!marks) return;  // the survey says that the ledger does not answer
  const std::lock_guard lock(mutex_);
  seen_.clear();
  for (auto& known : *marks) seen_[std::move(known.where)] = known.memory.mark;
}

void LedgerWatch::count() {
  const auto now = std::chrono::floor<core::Millis>(std::chrono::system_clock::now());
  const auto found = ledger_.operations().count_stuck(service_, now - stuck_after);
  if (!found) return;
  const std::lock_guard lock(mutex_);
  stuck_ = *found;
}

bool LedgerWatch::moved(const core::TopicPartition& where, const core::Mark& mark) const {
  const std::lock_guard lock(mutex_);
  const auto seen = seen_.find(where);
  return seen != seen_.end() && std::tie(seen->second.topic_id, seen->second.epoch) > std::tie(mark.topic_id, mark.epoch);
}

std::optional<std::uint64_t> LedgerWatch::stuck() const {
  const std::lock_guard lock(mutex_);
  return stuck_;
}

}  // namespace hostler::runtime
