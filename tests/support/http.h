// A small HTTP client for tests: one request on one connection. Thread-safety: functions; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace hostler::testing {

// A socket that ends with the object; -1: could not connect.
class Socket {
 public:
  explicit Socket(std::uint16_t port);               // of 127.0.0.1
  explicit Socket(const std::string& unix_path);
  ~Socket();
  Socket(Socket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Socket& operator=(Socket&&) = delete;

  [[nodiscard]] bool connected() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }
  bool send(const std::string& bytes) const;
  // Everything until the peer closes or `timeout` passes without a byte.
  [[nodiscard]] std::string receive(std::chrono::milliseconds timeout) const;

 private:
  int fd_ = -1;
};

struct HttpReply {
  int status = 0;  // 0: no answer
  std::string headers, body;
};

[[nodiscard]] HttpReply parse_reply(const std::string& bytes);
// `extra` are more header lines, each ending in \r\n.
[[nodiscard]] HttpReply http_get(std::uint16_t port, const std::string& path, const std::string& extra = {}, const std::string& method = "GET");
[[nodiscard]] HttpReply http_get(const std::string& unix_path, const std::string& path);

}  // namespace hostler::testing
