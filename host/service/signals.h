// The signals that end or renew the host, waited for by one thread instead of interrupting any. Used by `run` and `demo`.
// Thread-safety: block_signals() before the first thread starts; wait_signal() from one thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace hostler::service {

// Blocks SIGTERM, SIGINT and SIGHUP in this thread and all that it starts, and ignores SIGPIPE (a closed pipe is an error
// of the write, not an end). Must come before the first thread, or these signals kill the process.
void block_signals();

enum class Signal : std::uint8_t {
  none,      // the time passed
  terminate, // SIGTERM or SIGINT: drain; the second one: stop at once
  renew,     // SIGHUP
};

// Waits for one of the blocked signals, at most `timeout`.
[[nodiscard]] Signal wait_signal(std::chrono::milliseconds timeout);

} // namespace hostler::service
