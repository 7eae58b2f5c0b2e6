// The child's side of a probe; see probe.h.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>

#include "plugin/library.h"
#include "plugin/probe.h"
#include "plugin/probe_protocol.h"

namespace hostler::plugin {
namespace {

void report(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const auto written = ::write(probe_report_fd, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) ::_exit(1); // who asked is gone
    done += static_cast<std::size_t>(written);
  }
}

void step(const char* now_running) { report(probe_step_mark + std::string(now_running) + "\n"); }

// Of the exception that is being handled.
core::Error thrown() try {
  throw;
} catch (const std::exception& error) {
  return core::Error{"throws while it is loaded: " + std::string(error.what()) +
                     "; no exception may leave a static constructor"};
} catch (...) {
  return core::Error{"throws something while it is loaded; no exception may leave a static constructor"};
}

void answer(const core::Result<PluginDescription>& found) {
  report(probe_answer_mark + to_json(found) + "\n");
}

std::terminate_handler usual_terminate = nullptr;

// Newer versions of the C library let no exception through dlopen.
[[noreturn]] void answer_and_end() {
  if (std::current_exception() == nullptr) usual_terminate();
  answer(thrown());
  ::_exit(0);
}

core::Result<PluginDescription> look() try {
  bool loading = true;
  usual_terminate = std::set_terminate(answer_and_end);
  const auto library = open_library(probe_library_fd, [&](const char* now_running) {
    step(now_running);
    if (!std::exchange(loading, false)) std::set_terminate(usual_terminate); // loaded: what comes now is a call
  });
  std::set_terminate(usual_terminate);
  if (!library.table) return library.table.error();
  step("handler_count and handler_at");
  return describe(**library.table);
} catch (...) { // comes through where the plugin shares the C++ runtime; else it is an abort
  return thrown();
}

} // namespace

int run_probe() {
  if (::fcntl(probe_library_fd, F_GET_SEALS) < 0 || ::fcntl(probe_report_fd, F_GETFD) < 0) {
    std::fputs(
        "hostler: 'plugin probe' is what the host starts by itself; to look at a plugin: hostler plugin "
        "inspect FILE\n",
        stderr);
    return 2;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // A crash is to be seen as one, also where a sanitizer's runtime would turn it into an exit.
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) ::signal(number, SIG_DFL);
  // A crash here is an answer, not a case for the collector of cores. 1, not 0: a collector behind a pipe ignores 0.
  const rlimit one_byte{1, 1};
  ::setrlimit(RLIMIT_CORE, &one_byte);
  answer(look());
  step("its static destructors"); // they would be the end of a host that has drained well
  std::exit(0);
}

} // namespace hostler::plugin
