#include "flow/late_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace hostler::flow {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int new_socket() {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "socket");
  return descriptor;
}

// One piece from one side to the other; false when a side has closed.
bool move(int from, int to) {
  std::array<char, 65536> bytes{};
  const ssize_t got = recv(from, bytes.data(), bytes.size(), 0);
  for (ssize_t sent = 0; sent < got;) {
    const ssize_t step = send(to, bytes.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
    if (step <= 0) return false;
    sent += step;
  }
  return got > 0;
}

} // namespace

LatePort::LatePort(const std::string& target) : socket_(new_socket()) {
  if (!target.starts_with("127.0.0.1:"))
    throw std::invalid_argument("LatePort: a port on 127.0.0.1, not " + target);
  target_ = static_cast<std::uint16_t>(std::stoi(target.substr(target.find(':') + 1)));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::system_error(errno, std::generic_category(), "bind");
  port_ = ntohs(address.sin_port);
}

LatePort::~LatePort() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  close(socket_);
}

void LatePort::open() {
  if (listen(socket_, 64) != 0) throw std::system_error(errno, std::generic_category(), "listen");
  thread_ = std::thread([this] { pass_on(); });
}

void LatePort::pass_on() const {
  std::vector<pollfd> ends{{socket_, POLLIN, 0}}; // then pairs: a client's and the server's
  constexpr int look_ms = 50;
  while (!stop_) {
    if (poll(ends.data(), ends.size(), look_ms) <= 0) continue;
    for (std::size_t i = ends.size(); i-- > 1;) {
      const std::size_t other = i % 2 == 1 ? i + 1 : i - 1;
      if (ends[i].fd < 0 || ends[i].revents == 0 || move(ends[i].fd, ends[other].fd)) continue;
      close(ends[i].fd);
      close(ends[other].fd);
      ends[i].fd = ends[other].fd = -1; // poll passes over it
    }
    if (ends[0].revents == 0) continue;
    const int client = accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const int server = new_socket();
    const sockaddr_in address = loopback(target_);
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      close(client);
      close(server);
      continue;
    }
    ends.push_back({client, POLLIN, 0});
    ends.push_back({server, POLLIN, 0});
  }
  for (std::size_t i = 1; i < ends.size(); ++i) {
    if (ends[i].fd >= 0) close(ends[i].fd);
  }
}

} // namespace hostler::flow
