#include "service/sd_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "support/catch.h"
#include "support/temp_dir.h"

using namespace hostler::service;
using hostler::testing::TempDir;

namespace {

// What systemd does: a datagram socket, by path or ("@…") abstract.
class Listener {
 public:
  explicit Listener(const std::string& name)
      : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) == 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Listener() {
    ::close(socket_);
    ::unsetenv("NOTIFY_SOCKET");
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  std::string receive() const {
    std::array<char, 1000> text{};
    const ssize_t size = ::recv(socket_, text.data(), text.size(), 0);
    return size < 0 ? "nothing" : std::string(text.data(), static_cast<std::size_t>(size));
  }

 private:
  int socket_;
};

} // namespace

TEST_CASE("systemd is told over a socket with a path") {
  const TempDir folder;
  const Listener systemd((folder / "notify").string());
  CHECK(notify_ready());
  CHECK(systemd.receive() == "READY=1");
  CHECK(notify_stopping());
  CHECK(systemd.receive() == "STOPPING=1");
  CHECK(notify_status("two\nlines"));
  CHECK(systemd.receive() == "STATUS=two lines");
  CHECK(systemd.receive() == "nothing");
}

TEST_CASE("systemd is told over an abstract socket") {
  const Listener systemd("@hostler-test-" + std::to_string(::getpid()));
  CHECK(notify_ready());
  CHECK(systemd.receive() == "READY=1");
}

TEST_CASE("without systemd nothing happens") {
  ::unsetenv("NOTIFY_SOCKET");
  CHECK_FALSE(notify_ready());
  for (const std::string& name : {std::string(), std::string("relative"), std::string("@"),
                                  std::string("/does/not/exist"), "/" + std::string(500, 'x')}) {
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
    CHECK_FALSE(notify_ready());
  }
  ::unsetenv("NOTIFY_SOCKET");
}
