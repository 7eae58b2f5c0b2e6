// `hostler run`: the host as a service. TERM or INT drains it, a second one stops it at once, HUP opens the log anew.
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "cli/admin_port.h"
#include "cli/audit.h"
#include "cli/commands.h"
#include "cli/log_output.h"
#include "cli/state_dir.h"
#include "cli/wire.h"
#include "config/load_config.h"
#include "core/health.h"
#include "http/metrics.h"
#include "runtime/crash_journal.h"
#include "runtime/local_suspects.h"
#include "runtime/log.h"
#include "runtime/watchdog.h"
#include "service/fatal.h"
#include "service/sd_notify.h"
#include "service/signals.h"

namespace hostler::cli {
namespace {

using runtime::LogLevel;
constexpr core::Millis look_every{200}, look_again{50}, judge_every{1000};

// Looks at the host once a second: says in the log and to systemd what changed, and feeds systemd's watchdog while every lane moves.
class Watch {
 public:
  explicit Watch(const Host& host) : host_(host) {
    if (const auto interval = service::watchdog_interval()) feed_every_ = *interval / 2;
  }

  void look() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_look_) return;
    const auto assessment = core::assess(host_.health());
    ready_ = assessment.ready;
    next_look_ = now + (ready_ ? std::min<std::chrono::microseconds>(judge_every, feed_every_) : look_again);
    if (assessment.live) service::notify_watchdog();
    const std::string words = in_words(assessment);
    if (words == said_) return;
    said_ = words;
    service::notify_status(words);
    if (assessment.ready) runtime::log(LogLevel::info, words);
    else runtime::log_limited(assessment.live ? LogLevel::warn : LogLevel::error, words, words);  // a state that flaps is said once
  }
  // How long to wait for a signal until the next look.
  [[nodiscard]] core::Millis pause() const { return ready_ ? look_every : look_again; }

 private:
  static std::string in_words(const core::Assessment& assessment) {
    std::string words = assessment.ready ? "ready" : assessment.live ? "not ready" : "not live";
    if (assessment.ready) return words + ": records of every handler can be settled";
    if (!assessment.problems.empty()) words += ": " + assessment.problems.front().component + " " + shape(assessment.problems.front().what);
    return words;
  }
  // Without the numbers that change from look to look.
  static std::string shape(std::string text) {
    const auto seconds = text.find(" for ");
    return seconds == std::string::npos ? text : text.substr(0, seconds);
  }

  const Host& host_;
  std::chrono::microseconds feed_every_ = judge_every;
  std::chrono::steady_clock::time_point next_look_{};
  bool ready_ = false;
  std::string said_;
};

// The host's own life: it goes on if the line cannot be written.
void note(const core::HostConfig& config, std::string_view action, std::string_view outcome) {
  if (auto noted = audit(config, action, config.file, outcome); !noted) runtime::log_limited(LogLevel::error, "audit", noted.error().message);
}

// The log's file and level may be changed while the host runs; everything else needs a restart.
void renew_log(const std::string& file, LogOutput& output, const core::HostConfig& running) {
  note(running, "log", "opened anew");
  const auto config = config::load_config(file, config::process_environment());
  if (!config) {
    runtime::log(LogLevel::error, "HUP: the log stays as it is, the configuration has errors: " + config.error().front().text());
    return;
  }
  const auto applied = output.apply(*config);
  if (!applied) runtime::log(LogLevel::error, "HUP: the log stays as it is: " + applied.error().message);
  else runtime::log(LogLevel::info, "HUP: the log was opened anew, level " + config->log_level);
}

// Waits for the end while the host drains on another thread; returns `code`. A signal (the second one, if one brought it here) and the deadline
// do not wait: what is in flight then is rolled back and handled again by the next owner, and the exit code is `code` or, if that was fine, not fine.
int drain(Host& host, core::Millis patience, int code) {
  service::notify_stopping();
  std::atomic<bool> drained = false;
  const auto until = std::chrono::steady_clock::now() + patience;
  std::thread draining([&] {
    host.drain(until);
    drained = true;
  });
  while (!drained) {
    const bool again = service::wait_signal(core::Millis(20)) == service::Signal::terminate;
    if (!again && std::chrono::steady_clock::now() < until) continue;
    const std::string why = again ? code == exit_fine ? "second signal" : "signal" : "not drained after " + std::to_string(patience.count()) + " ms ([host] drain_timeout)";
    runtime::log(LogLevel::warn, why + ": stopped at once; what was in flight is handled again");
    std::_Exit(code == exit_fine ? exit_not_fine : code);
  }
  draining.join();
  return code;
}

// What outlives this process, and whoever else uses it is refused. The error is for good.
struct State {
  std::unique_ptr<runtime::CrashJournal> journal;
  std::unique_ptr<runtime::LocalSuspects> suspects;
};
core::Result<State> open_state(const core::HostConfig& config) {
  const auto folder = state_folder(config);
  if (!folder) return folder.error();
  auto journal = runtime::CrashJournal::open(*folder);
  if (!journal) return journal.error();
  auto suspects = runtime::LocalSuspects::open(*folder);
  if (!suspects) return suspects.error();
  return State{std::move(*journal), std::move(*suspects)};
}

void end_with(const std::string& last_words) {
  alarm(2);  // should whoever reads the log be stuck as well
  runtime::log(LogLevel::error, last_words);
  std::_Exit(exit_handler);
}

}  // namespace

int run_host(const core::HostConfig& config) {
  service::block_signals();
  LogOutput output;
  if (auto applied = output.apply(config); !applied) {
    runtime::log(LogLevel::error, applied.error().message);
    return exit_usage;
  }
  runtime::log(LogLevel::info, "hostler " HOSTLER_VERSION " (" + config.name + ") starts with " + config.file + ", pid " + std::to_string(getpid()));

  auto state = open_state(config);
  if (!state) {
    runtime::log(LogLevel::error, state.error().message);
    return exit_usage;
  }
  service::note_fatal_ends(exit_handler);
  const runtime::Watchdog watchdog(*state->journal, core::handling_grace, end_with);

  http::Metrics metrics(config, HOSTLER_VERSION);
  HostParts parts;
  parts.observer = &metrics;
  parts.journal = state->journal.get();
  parts.local = state->suspects.get();
  const auto host = make_host(config, parts);
  // Before any group is joined: a host that cannot have its port must not take partitions from others again and again.
  auto port = open_admin_port(config.http, *host, metrics);
  if (!port) {
    runtime::log(LogLevel::error, port.error().message);
    return exit_usage;
  }
  if (auto started = host->start(); !started) {
    runtime::log(LogLevel::error, started.error().message);
    return drain(*host, config.drain_timeout, exit_usage);
  }
  note(config, "run", "started");
  // Up is what systemd waits for; a broker or database that is down shows in the status and on /readyz instead of failing the start.
  service::notify_ready();
  Watch watch(*host);
  for (;;) {
    watch.look();
    const auto signal = service::wait_signal(watch.pause());
    if (signal == service::Signal::terminate) break;
    if (signal == service::Signal::renew) renew_log(config.file, output, config);
    if (const auto failure = host->failure(); !failure.empty()) {
      runtime::log(LogLevel::error, failure);
      return drain(*host, config.drain_timeout, exit_usage);
    }
  }
  state->journal->stopping();
  runtime::log(LogLevel::info, "draining: no new records, what is in flight is finished");
  note(config, "run", "asked to stop");
  const int code = drain(*host, config.drain_timeout, exit_fine);
  port->reset();
  runtime::log(LogLevel::info, "drained: nothing is in flight any more");
  return code;
}

}  // namespace hostler::cli
