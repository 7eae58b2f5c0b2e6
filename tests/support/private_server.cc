#include "support/private_server.h"

#include <signal.h>

#include <cstdio>
#include <fstream>
#include <stdexcept>

#include "support/process.h"

namespace hostler::testing {

PrivateServer::PrivateServer(std::string control_name, const std::vector<std::string>& settings)
    : control_(std::string(HOSTLER_SOURCE_DIR) + "/tests/support/" + control_name) {
  url_ = control("start", settings);
}

PrivateServer::~PrivateServer() {
  try {
    control("kill");
  } catch (const std::exception& error) { std::fprintf(stderr, "%s\n", error.what()); }
}

void PrivateServer::stop() { control("stop"); }
void PrivateServer::kill() { control("kill"); }
void PrivateServer::start() { control("start"); }
void PrivateServer::freeze() { signal(SIGSTOP); }
void PrivateServer::thaw() { signal(SIGCONT); }

std::string PrivateServer::control(const std::string& command, const std::vector<std::string>& settings) {
  std::vector<std::string> argv{control_, command, (folder_ / "server").string()};
  argv.insert(argv.end(), settings.begin(), settings.end());
  auto [status, output] = run(std::move(argv), {}, std::chrono::seconds(240));
  if (status != ExitStatus{.code = 0, .signal = 0})
    throw std::runtime_error(control_ + " " + command + " failed:\n" + output);
  while (output.ends_with('\n')) output.pop_back();
  return output;
}

void PrivateServer::signal(int number) {
  pid_t pid = 0;
  for (const char* file : {"server/pid", "server/data/postmaster.pid"}) {
    if (pid == 0) std::ifstream(folder_ / file) >> pid;
  }
  if (pid <= 0 || ::kill(pid, number) != 0) throw std::runtime_error(control_ + ": the server does not run");
}

} // namespace hostler::testing
