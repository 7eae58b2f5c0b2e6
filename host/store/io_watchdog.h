// Ends waits for a peer that is connected and silent: a thread looks at the ledger's sockets a few times a second and shuts down each whose answer
// is overdue, so that whoever reads from it gets an error. Arming costs a clock read and an atomic, no system call.
// Private to store/. Thread-safety: a Line belongs to one thread at a time; lines come and go from any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/types.h"

namespace hostler::store {

class IoWatchdog {
 public:
  class Line;

  // `tick`: how often it looks, and so how late it may be.
  explicit IoWatchdog(core::Millis tick);
  ~IoWatchdog();
  IoWatchdog(const IoWatchdog&) = delete;
  IoWatchdog& operator=(const IoWatchdog&) = delete;

 private:
  void watch();

  const core::Millis tick_;
  std::mutex mutex_;
  std::condition_variable stopping_;
  bool stop_ = false;          // guarded by mutex_
  std::vector<Line*> lines_;   // guarded by mutex_: a line that is in it is alive
  std::thread thread_;
};

// One socket under watch. It has a descriptor of its own, so that a number which the client closed and the system gave away again is never hit; the
// peer learns of the socket's end when both are closed.
class IoWatchdog::Line {
 public:
  // `socket` stays the caller's. Not watched (see watched()) if there is no descriptor left for it.
  Line(std::shared_ptr<IoWatchdog> watchdog, int socket);
  ~Line();
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  [[nodiscard]] bool watched() const { return socket_ >= 0; }
  // An answer is due within `limit` from now on; again: from now on anew. 0: it may take for ever.
  void expect(core::Millis limit);
  // It has come.
  void answered();
  // The socket was shut down. For good.
  [[nodiscard]] bool cut() const { return due_ == is_cut; }

 private:
  friend class IoWatchdog;
  static constexpr std::int64_t nothing = 0, is_cut = -1;
  void set(std::int64_t due);
  void look(std::int64_t now);

  const std::shared_ptr<IoWatchdog> watchdog_;
  const int socket_;
  std::atomic<std::int64_t> due_{nothing};  // ticks of the steady clock
};

}  // namespace hostler::store
