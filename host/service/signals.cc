#include "service/signals.h"

#include <cerrno>
#include <csignal>
#include <ctime>

#include <pthread.h>

namespace hostler::service {
namespace {

sigset_t blocked() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

} // namespace

void block_signals() {
  const sigset_t set = blocked();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

Signal wait_signal(std::chrono::milliseconds timeout) {
  const sigset_t set = blocked();
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::nanoseconds>(end - std::chrono::steady_clock::now());
    constexpr long second = 1'000'000'000;
    const long nanos = left.count() > 0 ? left.count() : 0;
    const timespec patience{nanos / second, nanos % second};
    const int number = sigtimedwait(&set, nullptr, &patience);
    if (number == SIGHUP) return Signal::renew;
    if (number > 0) return Signal::terminate;
    if (errno != EINTR) return Signal::none; // another signal's handler ran: wait on
  }
}

} // namespace hostler::service
