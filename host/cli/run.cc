// `hostler run`: the host as a service. TERM or INT drains it, a second one stops it at once.
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>

#include "cli/commands.h"
#include "cli/wire.h"
#include "runtime/log.h"
#include "service/sd_notify.h"
#include "service/signals.h"

namespace hostler::cli {
namespace {

constexpr core::Millis look_every{200};

bool all_joined(const Host& host) {
  const auto states = host.state();
  for (const auto& state : states) {
    if (!state.source.joined || !state.source.waiting_for.empty()) return false;
  }
  return !states.empty();
}

// Waits for the end while the host drains on another thread; a second signal does not wait.
void drain(Host& host) {
  std::atomic<bool> drained = false;
  std::thread draining([&] {
    host.drain();
    drained = true;
  });
  while (!drained) {
    if (service::wait_signal(look_every) == service::Signal::terminate) {
      runtime::log(runtime::LogLevel::warn, "second signal: stopped without draining; what was in flight is handled again");
      std::_Exit(exit_not_fine);
    }
  }
  draining.join();
}

}  // namespace

int run_host(const core::HostConfig& config) {
  service::block_signals();
  if (const auto level = runtime::parse_log_level(config.log_level)) runtime::set_log_level(*level);
  runtime::log(runtime::LogLevel::info, "hostler " HOSTLER_VERSION " (" + config.name + ") starts with " + config.file + ", pid " + std::to_string(getpid()));

  const auto host = make_host(config, {});
  if (auto started = host->start(); !started) {
    runtime::log(runtime::LogLevel::error, started.error().message);
    return exit_usage;
  }
  bool ready = false;
  for (;;) {
    const auto signal = service::wait_signal(look_every);
    if (signal == service::Signal::terminate) break;
    if (const auto failure = host->failure(); !failure.empty()) {
      runtime::log(runtime::LogLevel::error, failure);
      return exit_usage;
    }
    if (!ready && all_joined(*host)) {
      ready = true;
      runtime::log(runtime::LogLevel::info, "ready: every handler has joined its group");
      service::notify_ready();
    }
  }
  runtime::log(runtime::LogLevel::info, "draining: no new records, what is in flight is finished");
  service::notify_stopping();
  drain(*host);
  runtime::log(runtime::LogLevel::info, "drained: offsets are committed, groups are left");
  return exit_fine;
}

}  // namespace hostler::cli
