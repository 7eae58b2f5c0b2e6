// A TCP port behind which a server seems to be down, until open(): then every connection is passed on to the server.
// One object belongs to one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace hostler::flow {

class LatePort {
 public:
  explicit LatePort(const std::string& target); // 127.0.0.1:port
  ~LatePort();
  LatePort(const LatePort&) = delete;
  LatePort& operator=(const LatePort&) = delete;

  [[nodiscard]] std::string url() const { return "127.0.0.1:" + std::to_string(port_); }
  void open();

 private:
  void pass_on() const;

  std::uint16_t target_ = 0;
  std::uint16_t port_ = 0;
  int socket_ = -1; // bound from the beginning, so that nobody else gets the port; refuses until it listens
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

} // namespace hostler::flow
