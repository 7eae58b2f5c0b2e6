// Ends the host when a handler does not come back: nothing else frees its lane. At the deadline the handler was told (hostler.cancel/1),
// `grace` later the journal says that it hung, and `end` is called with the last words. Thread-safety: made and ended on one thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "core/types.h"
#include "runtime/crash_journal.h"

namespace hostler::runtime {

class Watchdog {
 public:
  // `journal` outlives it. `end` is called on the watchdog's thread; in a host it does not return.
  Watchdog(CrashJournal& journal, core::Millis grace, std::function<void(const std::string& last_words)> end);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void watch();

  CrashJournal& journal_;
  const core::Millis grace_;
  const std::function<void(const std::string&)> end_;
  std::mutex mutex_;
  std::condition_variable stopping_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace hostler::runtime
