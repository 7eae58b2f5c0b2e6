#include "runtime/log.h"

#include <fmt/chrono.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <mutex>

namespace hostler::runtime {

using core::LogFormat;

namespace {

constexpr std::array<std::string_view, 4> level_names = {"debug", "info", "warn", "error"};

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warn: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

LogLevel from_spdlog(spdlog::level::level_enum level) {
  if (level <= spdlog::level::debug) return LogLevel::debug;
  if (level == spdlog::level::info) return LogLevel::info;
  return level == spdlog::level::warn ? LogLevel::warn : LogLevel::error;
}

// Length of the well-formed UTF-8 sequence at the front of `text`; 0 if there is none.
std::size_t sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) >= 0xA0;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool too_high = lead == 0xF4 && byte(1) >= 0x90;
    return tail(1) && tail(2) && tail(3) && !overlong && !too_high ? 4 : 0;
  }
  return 0;
}

// Text that cannot end its line, move a terminal's cursor or break JSON. Broken UTF-8 shows as \xNN, doubled backslash in JSON.
void escape(std::string_view text, bool json, std::string& out) {
  const std::string_view slash = json ? "\\\\" : "\\";
  while (!text.empty()) {
    const std::size_t length = sequence(text);
    const auto lead = static_cast<unsigned char>(text.front());
    const bool control = length == 1
                             ? (lead < 0x20 || lead == 0x7F)
                             : length == 2 && lead == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
    if (length == 0) {
      fmt::format_to(std::back_inserter(out), "{}x{:02x}", slash, lead);
    } else if (control) {
      const unsigned code = length == 1 ? lead : static_cast<unsigned char>(text[1]);
      if (json) {
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
      } else {
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", code);
      }
    } else if (json && (lead == '"' || lead == '\\')) {
      out += '\\';
      out += text.front();
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

// systemd says of which file the journal is the reader, as device:inode.
bool is_journal(int descriptor) {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  return stream != nullptr && fstat(descriptor, &status) == 0 && fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

// As in syslog(3) and sd-daemon(3).
int priority_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return 7;
    case LogLevel::info: return 6;
    case LogLevel::warn: return 4;
    case LogLevel::error: return 3;
  }
  return 3;
}

// Writes whole lines to a descriptor, each with one write(2) where the kernel lets it.
class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  LineSink() { set_output(STDERR_FILENO, LogFormat::automatic); }

  void set_output(int descriptor, LogFormat format) {
    const std::lock_guard lock(mutex_);
    const bool terminal = ::isatty(descriptor) == 1;
    descriptor_ = descriptor;
    format_ = format;
    if (format == LogFormat::automatic) format_ = is_journal(descriptor) ? LogFormat::journald : terminal ? LogFormat::human : LogFormat::json;
    colours_ = terminal && format_ == LogFormat::human;
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    const auto level = from_spdlog(message.level);
    const std::string_view name = level_names.at(static_cast<std::size_t>(level));
    const auto millis =
        std::chrono::duration_cast<std::chrono::milliseconds>(message.time.time_since_epoch()).count();
    const std::time_t seconds = static_cast<std::time_t>(millis / 1000);
    line_.clear();
    auto out = std::back_inserter(line_);
    if (format_ == LogFormat::journald) {
      fmt::format_to(out, "<{}>", priority_of(level));
      escape(text, false, line_);
      line_ += '\n';
    } else if (format_ == LogFormat::json) {
      fmt::format_to(out, R"({{"time":"{:%Y-%m-%dT%H:%M:%S}.{:03}Z","level":"{}","message":")",
                     fmt::gmtime(seconds), millis % 1000, name);
      escape(text, true, line_);
      line_ += "\"}\n";
    } else {
      const std::string_view colour = level == LogLevel::error  ? "\x1b[31m"
                                      : level == LogLevel::warn ? "\x1b[33m"
                                                                : "";
      const bool coloured = colours_ && !colour.empty();
      fmt::format_to(out, "{:%Y-%m-%d %H:%M:%S}.{:03} {}{:<5}{} ", fmt::localtime(seconds), millis % 1000,
                     coloured ? colour : "", name, coloured ? "\x1b[0m" : "");
      escape(text, false, line_);
      line_ += '\n';
    }
    write_line();
  }
  void flush_() override {}

 private:
  // A log that cannot be written must not stop the host.
  void write_line() const {
    std::string_view rest = line_;
    while (!rest.empty()) {
      const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  int descriptor_ = STDERR_FILENO; // guarded by mutex_, as the rest
  LogFormat format_ = LogFormat::human; // never automatic
  bool colours_ = false;
  std::string line_;
};

struct Log {
  std::shared_ptr<LineSink> sink = std::make_shared<LineSink>();
  spdlog::logger logger{"hostler", sink};
  std::mutex limit_mutex;
  RepeatLimit limit{std::chrono::seconds(30)}; // guarded by limit_mutex
};

// Never destroyed: threads may log while the process ends.
Log& the_log() {
  static Log* const log = new Log; // NOLINT: see above
  return *log;
}

} // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) {
  for (std::size_t i = 0; i < level_names.size(); ++i) {
    if (level_names.at(i) == text) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

void set_log_level(LogLevel level) { the_log().logger.set_level(to_spdlog(level)); }

bool log_enabled(LogLevel level) { return the_log().logger.should_log(to_spdlog(level)); }

void set_log_output(int descriptor, LogFormat format) { the_log().sink->set_output(descriptor, format); }

void log(LogLevel level, std::string_view message) {
  the_log().logger.log(to_spdlog(level), spdlog::string_view_t(message.data(), message.size()));
}

void log_limited(LogLevel level, std::string_view key, std::string_view message) {
  if (!log_enabled(level)) return;
  Log& target = the_log();
  std::optional<std::uint64_t> left_out;
  {
    const std::lock_guard lock(target.limit_mutex);
    left_out = target.limit.pass(key, std::chrono::steady_clock::now());
  }
  if (!left_out) return;
  if (*left_out == 0) return log(level, message);
  log(level, fmt::format("{} ({} more like this were left out)", message, *left_out));
}

std::optional<std::uint64_t> RepeatLimit::pass(std::string_view key,
                                               std::chrono::steady_clock::time_point now) {
  const auto known = seen_.find(key);
  if (known != seen_.end()) {
    Seen& seen = known->second;
    if (now - seen.written < pause_) {
      ++seen.left_out;
      return std::nullopt;
    }
    seen.written = now;
    return std::exchange(seen.left_out, 0);
  }
  if (seen_.size() >= most_keys_) {
    std::erase_if(seen_, [&](const auto& entry) { return now - entry.second.written >= pause_; });
    if (seen_.size() >= most_keys_) seen_.clear();
  }
  seen_.emplace(key, Seen{now, 0});
  return 0;
}

} // namespace hostler::runtime
