// The host's log: one line per event on stderr, human on a terminal, JSON otherwise; what a stranger wrote (keys, values, error
// texts) cannot start a line of its own. Everybody above core/ uses it. Thread-safety: any thread; lines never mix.
#pragma once

#include <fmt/core.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/log_format.h"

namespace hostler::runtime {

enum class LogLevel : std::uint8_t { debug, info, warn, error };

// "debug", "info", "warn", "error".
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view text);

// Anything below is not written. May change at any time; `info` at first.
void set_log_level(LogLevel level);
[[nodiscard]] bool log_enabled(LogLevel level);

// Where lines go: a descriptor that stays open, 2 at first. Tests and the demo redirect it.
void set_log_output(int descriptor, core::LogFormat format = core::LogFormat::automatic);

// Writes one line. Control characters and broken UTF-8 in `message` are escaped. Synchronous: the line is written on return.
void log(LogLevel level, std::string_view message);

// Writes the first line of each `key`, then at most one in 30 s, saying how many were left out. For errors that repeat
// (the broker is down). The key is short and of the caller's making, never a stranger's text.
void log_limited(LogLevel level, std::string_view key, std::string_view message);

// What log_limited() counts with. One thread.
class RepeatLimit {
 public:
  explicit RepeatLimit(std::chrono::milliseconds pause, std::size_t most_keys = 1000)
      : pause_(pause), most_keys_(most_keys) {}
  // Empty: leave this one out. Else write it; the number is how many of the key were left out since the last one.
  [[nodiscard]] std::optional<std::uint64_t> pass(std::string_view key,
                                                  std::chrono::steady_clock::time_point now);

 private:
  struct Seen {
    std::chrono::steady_clock::time_point written;
    std::uint64_t left_out = 0;
  };
  std::chrono::milliseconds pause_;
  std::size_t most_keys_; // when full, keys whose pause is over are forgotten, or else all
  std::map<std::string, Seen, std::less<>> seen_;
};

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::debug)) log(LogLevel::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::info)) log(LogLevel::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::warn)) log(LogLevel::warn, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::error)) log(LogLevel::error, fmt::format(format, std::forward<Args>(args)...));
}

} // namespace hostler::runtime
