// The watchdog on plain sockets.
#include "store/io_watchdog.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <thread>
#include <vector>

#include "support/catch.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;
using store::IoWatchdog;

namespace {

struct Pair {
  std::array<int, 2> ends{-1, -1};
  Pair() {
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const timeval patience{30, 0};  // a test that fails must end
    for (const int end : ends) setsockopt(end, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~Pair() {
    for (const int end : ends)
      if (end >= 0) close(end);
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
};

bool passes(int from, int to) {
  char byte = 'x';
  return send(from, &byte, 1, MSG_NOSIGNAL) == 1 && recv(to, &byte, 1, 0) == 1;
}

}  // namespace

TEST_CASE("who waits for a silent peer is woken, and only then") {
  const auto watchdog = std::make_shared<IoWatchdog>(5ms);
  Pair silent, other;
  IoWatchdog::Line line(watchdog, silent.ends[0]), bystander(watchdog, other.ends[0]);
  line.expect(0ms);  // for ever
  CHECK(stays(50ms, [&] { return !line.cut(); }));
  line.expect(20ms);
  line.answered();
  CHECK(stays(100ms, [&] { return !line.cut(); }));
  CHECK(passes(silent.ends[1], silent.ends[0]));
  line.expect(20ms);
  char byte = 0;
  CHECK(recv(silent.ends[0], &byte, 1, 0) == 0);
  CHECK(line.cut());
  line.answered();
  line.expect(20ms);
  CHECK(line.cut());  // for good
  CHECK_FALSE(bystander.cut());
  CHECK(passes(other.ends[0], other.ends[1]));
}

TEST_CASE("a descriptor that was closed and given away again is not hit") {
  const auto watchdog = std::make_shared<IoWatchdog>(5ms);
  Pair watched, stranger;
  IoWatchdog::Line line(watchdog, watched.ends[0]);
  REQUIRE(dup2(stranger.ends[0], watched.ends[0]) == watched.ends[0]);  // closes it, and the number is the stranger's now
  line.expect(10ms);
  REQUIRE(eventually(5s, [&] { return line.cut(); }));
  char byte = 0;
  CHECK(recv(watched.ends[1], &byte, 1, 0) == 0);
  CHECK(passes(watched.ends[0], stranger.ends[1]));
}

TEST_CASE("lines come and go while the watchdog cuts") {
  const auto watchdog = std::make_shared<IoWatchdog>(1ms);
  std::vector<std::thread> threads;
  std::atomic<int> cut = 0, kept = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        int ends[2] = {-1, -1};
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
        {
          IoWatchdog::Line line(watchdog, ends[0]);
          line.expect(t % 2 == 0 ? core::Millis(1) : core::Millis(60'000));
          char byte = 0;
          if (t % 2 == 0 && recv(ends[0], &byte, 1, 0) == 0) ++cut;
          if (t % 2 == 1 && !line.cut()) ++kept;
        }
        close(ends[0]);
        close(ends[1]);
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(cut == 400);
  CHECK(kept == 400);
}
