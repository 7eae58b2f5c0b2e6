#include "service/signals.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "support/catch.h"

using namespace hostler::service;
using namespace std::chrono_literals;

namespace {

// Signals are a matter of the whole process: each case has its own. The body returns true if it went as it should.
bool in_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace

TEST_CASE("a blocked signal is waited for, one at a time") {
  CHECK(in_child([] {
    block_signals();
    ::kill(::getpid(), SIGTERM);
    ::kill(::getpid(), SIGHUP);
    const Signal first = wait_signal(1s);
    const Signal second = wait_signal(1s);
    return ((first == Signal::terminate && second == Signal::renew) ||
            (first == Signal::renew && second == Signal::terminate)) &&
           wait_signal(0ms) == Signal::none;
  }));
  CHECK(in_child([] {
    block_signals();
    ::kill(::getpid(), SIGINT);
    return wait_signal(1s) == Signal::terminate;
  }));
}

TEST_CASE("waiting ends when the time has passed") {
  CHECK(in_child([] {
    block_signals();
    const auto start = std::chrono::steady_clock::now();
    const bool none = wait_signal(50ms) == Signal::none;
    return none && std::chrono::steady_clock::now() - start >= 50ms;
  }));
}

TEST_CASE("a signal that arrives meanwhile ends the wait, whichever thread is about") {
  CHECK(in_child([] {
    block_signals();
    std::thread sender([] {
      std::this_thread::sleep_for(30ms);
      ::kill(::getpid(), SIGTERM);
      std::this_thread::sleep_for(100ms);
    });
    const bool came = wait_signal(10s) == Signal::terminate;
    sender.join();
    return came;
  }));
}

TEST_CASE("a closed pipe does not end the process") {
  CHECK(in_child([] {
    block_signals();
    int ends[2];
    if (::pipe(ends) != 0) return false;
    ::close(ends[0]);
    return ::write(ends[1], "x", 1) == -1;
  }));
}
