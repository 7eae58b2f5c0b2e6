// One thread waits, any thread wakes it. A wake-up that comes before the wait is not lost; several count as one.
// Thread-safety: notify from any thread, wait_until from one at a time.
#pragma once

#include <condition_variable>
#include <mutex>

#include "core/types.h"

namespace hostler::kafka {

class Wakeup {
 public:
  void notify() {
    {
      const std::lock_guard lock(mutex_);
      if (signalled_) return;
      signalled_ = true;
    }
    woken_.notify_one();
  }

  // Returns at the next (or an unseen earlier) notify, at `until` at the latest.
  void wait_until(core::SteadyTime until) {
    std::unique_lock lock(mutex_);
    woken_.wait_until(lock, until, [this] { return signalled_; });
    signalled_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
  bool signalled_ = false;  // guarded by mutex_
};

}  // namespace hostler::kafka
