#include "torture/fleet.h"

#include <csignal>

namespace hostler::torture {
namespace {

using std::chrono::steady_clock;
constexpr std::chrono::milliseconds restart_after{300};

std::string said(const testing::ExitStatus& status) {
  return status.signal != 0 ? "signal " + std::to_string(status.signal) : "exit code " + std::to_string(status.code);
}

}  // namespace

Fleet::Fleet(std::vector<std::filesystem::path> configs, std::filesystem::path folder) {
  for (auto& config : configs) {
    Member member;
    member.config = std::move(config);
    member.log = folder / ("host-" + std::to_string(members_.size() + 1) + ".log");
    members_.push_back(std::move(member));
  }
  tend();
}

void Fleet::tend() {
  const auto now = steady_clock::now();
  for (auto& m : members_) {
    if (m.process && !m.process->running()) {
      const auto status = m.process->wait(std::chrono::milliseconds(0));
      if (!m.asked && status) ++surprises_[said(*status)];
      m.process.reset();
      m.asked = m.stopped = false;
      m.start_at = now + restart_after;
    }
    if (!m.process && now >= m.start_at) m.process.emplace(std::vector<std::string>{HOSTLER_BINARY, "run", "--config", m.config.string()}, testing::ProcessOptions{{}, m.log, {}});
  }
}

void Fleet::kill(std::size_t host) {
  auto& m = members_[host];
  if (!m.process) return;
  m.asked = true;
  m.process->kill_hard();
}

void Fleet::terminate(std::size_t host) {
  auto& m = members_[host];
  if (!m.process || m.stopped) return;
  m.asked = true;
  m.process->kill(SIGTERM);
}

void Fleet::stop(std::size_t host) {
  auto& m = members_[host];
  if (!m.process || m.asked) return;
  m.stopped = true;
  m.process->kill(SIGSTOP);
}

void Fleet::go_on(std::size_t host) {
  auto& m = members_[host];
  if (!m.process || !m.stopped) return;
  m.stopped = false;
  m.process->kill(SIGCONT);
}

int Fleet::leave() {
  int bad = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    go_on(i);
    if (members_[i].process) bad += members_[i].process->terminate(std::chrono::seconds(60)).code != 0;
    members_[i].process.reset();
  }
  return bad;
}

}  // namespace hostler::torture
