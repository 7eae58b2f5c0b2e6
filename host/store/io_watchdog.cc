#include "store/io_watchdog.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace hostler::store {
namespace {

using std::chrono::steady_clock;

std::int64_t ticks() { return steady_clock::now().time_since_epoch().count(); }

}  // namespace

IoWatchdog::IoWatchdog(core::Millis tick) : tick_(tick), thread_([this] { watch(); }) {}

IoWatchdog::~IoWatchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopping_.notify_all();
  thread_.join();
}

void IoWatchdog::watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_.wait_for(lock, tick_, [this] { return stop_; })) {
    const std::int64_t now = ticks();
    for (Line* line : lines_) line->look(now);
  }
}

IoWatchdog::Line::Line(std::shared_ptr<IoWatchdog> watchdog, int socket) : watchdog_(std::move(watchdog)), socket_(fcntl(socket, F_DUPFD_CLOEXEC, 0)) {
  const std::lock_guard lock(watchdog_->mutex_);
  watchdog_->lines_.push_back(this);
}

IoWatchdog::Line::~Line() {
  {
    const std::lock_guard lock(watchdog_->mutex_);
    std::erase(watchdog_->lines_, this);
  }
  if (watched()) close(socket_);
}

void IoWatchdog::Line::expect(core::Millis limit) {
  set(limit.count() == 0 ? nothing : ticks() + std::chrono::duration_cast<steady_clock::duration>(limit).count());
}

void IoWatchdog::Line::answered() { set(nothing); }

void IoWatchdog::Line::set(std::int64_t due) {
  std::int64_t before = due_;
  while (before != is_cut && !due_.compare_exchange_weak(before, due)) continue;
}

void IoWatchdog::Line::look(std::int64_t now) {
  std::int64_t due = due_;
  if (due > nothing && now >= due && due_.compare_exchange_strong(due, is_cut)) shutdown(socket_, SHUT_RDWR);
}

}  // namespace hostler::store
