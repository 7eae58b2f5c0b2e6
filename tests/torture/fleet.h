// The hosts under torture: processes that are started again when they are gone, as systemd would. One thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "support/process.h"

namespace hostler::torture {

class Fleet {
 public:
  // One host per configuration; logs go to `folder`/host-N.log.
  Fleet(std::vector<std::filesystem::path> configs, std::filesystem::path folder);

  // Starts what is down and due. Call it often.
  void tend();
  void kill(std::size_t host);       // SIGKILL
  void terminate(std::size_t host);  // SIGTERM; it drains and is started again
  void stop(std::size_t host);       // SIGSTOP
  void go_on(std::size_t host);      // SIGCONT
  // SIGTERM to all, and waits; how many did not end with exit code 0.
  int leave();
  [[nodiscard]] std::size_t size() const { return members_.size(); }
  // Ends that nobody here caused, by what they were.
  [[nodiscard]] const std::map<std::string, int>& surprises() const { return surprises_; }

 private:
  struct Member {
    std::filesystem::path config, log;
    std::optional<testing::Process> process;
    bool asked = false, stopped = false;  // its end was asked for; SIGSTOPped
    std::chrono::steady_clock::time_point start_at{};
  };
  std::vector<Member> members_;
  std::map<std::string, int> surprises_;
};

}  // namespace hostler::torture
