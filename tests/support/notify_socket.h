// What a service tells systemd, heard by a socket of the test's own. Thread-safety: any thread.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

namespace hostler::testing {

class NotifySocket {
 public:
  explicit NotifySocket(const std::filesystem::path& path) : path_(path.string()), fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    if (fd_ < 0 || bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) throw std::runtime_error("no socket at " + path_);
    listener_ = std::thread([this] { listen(); });
  }
  ~NotifySocket() {
    stop_ = true;
    listener_.join();
    close(fd_);
  }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  // How often the watchdog was fed.
  [[nodiscard]] int fed() const { return fed_; }
  [[nodiscard]] bool ready() const { return ready_; }

 private:
  void listen() {
    std::array<char, 4096> buffer{};
    pollfd waiting{fd_, POLLIN, 0};
    while (!stop_) {
      if (poll(&waiting, 1, 20) != 1) continue;
      const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
      const std::string text(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
      if (text == "WATCHDOG=1") ++fed_;
      if (text == "READY=1") ready_ = true;
      const std::lock_guard lock(mutex_);
      if (text.rfind("STATUS=", 0) == 0) status_ = text.substr(7);
    }
  }

  const std::string path_;
  const int fd_;
  std::atomic<bool> stop_{false}, ready_{false};
  std::atomic<int> fed_{0};
  mutable std::mutex mutex_;
  std::string status_;  // guarded by mutex_
  std::thread listener_;
};

}  // namespace hostler::testing
