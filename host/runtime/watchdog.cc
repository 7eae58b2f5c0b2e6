#include "runtime/watchdog.h"

#include <chrono>
#include <utility>

namespace hostler::runtime {
namespace {
constexpr core::Millis look_every{200}, paused{1'000};
}  // namespace

Watchdog::Watchdog(CrashJournal& journal, core::Millis grace, std::function<void(const std::string&)> end)
    : journal_(journal), grace_(grace), end_(std::move(end)), thread_([this] { watch(); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopping_.notify_all();
  thread_.join();
}

void Watchdog::watch() {
  std::unique_lock lock(mutex_);
  auto last = std::chrono::steady_clock::now(), patient_until = last;
  while (!stopping_.wait_for(lock, look_every, [this] { return stop_; })) {
    // Who was stopped itself for a while (SIGSTOP, a frozen container) lets others have their time, too.
    const auto now = std::chrono::steady_clock::now();
    if (now - std::exchange(last, now) > look_every + paused) patient_until = now + grace_;
    if (now < patient_until) continue;
    if (const auto hung = journal_.find_hung(grace_)) {
      end_(*hung + "; it was told to stop when its time was over. This host ends itself so that another run can go on without it; the records count as "
                   "suspects. Mend the handler, or give it a longer 'timeout'");
    }
  }
}

}  // namespace hostler::runtime
