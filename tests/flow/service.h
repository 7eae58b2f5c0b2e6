// A host as systemd keeps it: started again whenever it ends. One object belongs to one thread.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "flow/host_fixture.h"

namespace hostler::flow {

class Service {
 public:
  explicit Service(std::filesystem::path config) : config_(std::move(config)), host_(std::make_unique<Host>(config_)) {}

  // Starts it again if it has ended; true if it had.
  bool tend() {
    if (host_->running()) return false;
    ends.push_back(*host_->process().wait(std::chrono::seconds(0)));
    said_ += host_->output();
    host_ = std::make_unique<Host>(config_);
    return true;
  }
  [[nodiscard]] Host& host() { return *host_; }
  // Of all its runs.
  [[nodiscard]] std::string output() const { return said_ + host_->output(); }
  [[nodiscard]] bool has_said(std::string_view text) const { return output().find(text) != std::string::npos; }

  std::vector<ExitStatus> ends;  // how its runs ended, but for the one that lives

 private:
  const std::filesystem::path config_;
  std::unique_ptr<Host> host_;
  std::string said_;
};

} // namespace hostler::flow
