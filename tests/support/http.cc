#include "support/http.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>

namespace hostler::testing {
namespace {

constexpr std::chrono::seconds patience{10};

HttpReply ask(const Socket& socket, const std::string& path, const std::string& extra, const std::string& method) {
  if (!socket.connected() || !socket.send(method + " " + path + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n" + extra + "\r\n")) return {};
  return parse_reply(socket.receive(patience));
}

}  // namespace

Socket::Socket(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd_ >= 0 && connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return;
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Socket::Socket(const std::string& unix_path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, unix_path.c_str(), sizeof address.sun_path - 1);
  if (fd_ >= 0 && connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return;
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

bool Socket::send(const std::string& bytes) const {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t sent = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    at += static_cast<std::size_t>(sent);
  }
  return true;
}

std::string Socket::receive(std::chrono::milliseconds timeout) const {
  std::string out;
  std::array<char, 4096> buffer{};
  pollfd ready{fd_, POLLIN, 0};
  while (poll(&ready, 1, static_cast<int>(timeout.count())) == 1) {
    const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return out;
}

HttpReply parse_reply(const std::string& bytes) {
  HttpReply reply;
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string::npos || bytes.rfind("HTTP/1.", 0) != 0) return reply;
  reply.status = std::atoi(bytes.c_str() + 9);
  reply.headers = bytes.substr(0, end + 2);
  reply.body = bytes.substr(end + 4);
  return reply;
}

HttpReply http_get(std::uint16_t port, const std::string& path, const std::string& extra, const std::string& method) { return ask(Socket(port), path, extra, method); }
HttpReply http_get(const std::string& unix_path, const std::string& path) { return ask(Socket(unix_path), path, {}, "GET"); }

}  // namespace hostler::testing
