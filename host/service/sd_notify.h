// Tells systemd how the service is. Does nothing when systemd did not ask (no NOTIFY_SOCKET). Thread-safety: any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace hostler::service {

// `state` as in sd_notify(3): "READY=1", "STOPPING=1", "STATUS=text", several separated by newlines. True if it was sent.
bool sd_notify(std::string_view state);

inline bool notify_ready() { return sd_notify("READY=1"); }
inline bool notify_stopping() { return sd_notify("STOPPING=1"); }
inline bool notify_watchdog() { return sd_notify("WATCHDOG=1"); }
// How often systemd wants to hear notify_watchdog() at the latest; empty: it does not watch this process.
std::optional<std::chrono::microseconds> watchdog_interval();
// One line; line breaks become blanks.
bool notify_status(std::string_view text);

} // namespace hostler::service
