#include "service/fatal.h"

#include <csignal>
#include <cstdlib>
#include <string>

#include <signal.h>

#include "runtime/crash_journal.h"
#include "runtime/log.h"

namespace hostler::service {
namespace {

constexpr int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
struct sigaction before[NSIG];
int exit_code_of_handlers = 1;

// Runs on whatever thread, in the middle of anything.
void on_signal(int number, siginfo_t* info, void*) {
  runtime::CrashJournal::note_signal(number);
  sigaction(number, &before[number], nullptr);
  if (info->si_code <= 0) raise(number); // sent by somebody; a fault happens again by itself when this returns
}

void on_exit_of_process(int status, void*) {
  const auto who = runtime::CrashJournal::note_exit(status);
  if (!who) return;
  runtime::log(runtime::LogLevel::error, *who + " and has called exit(" + std::to_string(status) +
                                             "): a handler must not; the host ends with exit code " +
                                             std::to_string(exit_code_of_handlers) + ". The records count as suspects");
  std::_Exit(exit_code_of_handlers);
}

} // namespace

void note_fatal_ends(int exit_code) {
  exit_code_of_handlers = exit_code;
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (const int number : fatal) sigaction(number, &action, &before[number]);
  note_exits();
}

void note_exits() { on_exit(on_exit_of_process, nullptr); }

} // namespace hostler::service
