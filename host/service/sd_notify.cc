#include "service/sd_notify.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace hostler::service {

bool sd_notify(std::string_view state) {
  const char* const name = std::getenv("NOTIFY_SOCKET");
  if (name == nullptr || (name[0] != '/' && name[0] != '@') || name[1] == '\0') return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(name);
  if (length >= sizeof(address.sun_path)) return false;
  std::memcpy(address.sun_path, name, length);
  if (name[0] == '@') address.sun_path[0] = '\0'; // an abstract socket: no file, and no terminating NUL
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return false;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  const ssize_t sent = ::sendto(socket, state.data(), state.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), size);
  ::close(socket);
  return sent == static_cast<ssize_t>(state.size());
}

std::optional<std::chrono::microseconds> watchdog_interval() {
  const auto number = [](const char* name) -> std::optional<long long> {
    const char* const text = std::getenv(name);
    if (text == nullptr) return std::nullopt;
    long long value = 0;
    const auto [end, error] = std::from_chars(text, text + std::strlen(text), value);
    return error == std::errc() && *end == '\0' && value > 0 ? std::optional(value) : std::nullopt;
  };
  const auto interval = number("WATCHDOG_USEC");
  const auto pid = number("WATCHDOG_PID");
  if (!interval || (pid && *pid != getpid())) return std::nullopt;
  return std::chrono::microseconds(*interval);
}

bool notify_status(std::string_view text) {
  std::string state = "STATUS=" + std::string(text);
  std::replace(state.begin(), state.end(), '\n', ' ');
  return sd_notify(state);
}

} // namespace hostler::service
