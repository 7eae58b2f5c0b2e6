#include "kafka/reporter.h"

#include <chrono>

namespace hostler::kafka {

void Reporter::say(LogLevel level, std::string_view text) const {
  if (!log_) return;
  std::string line = who_;
  line += ": ";
  line += text;
  log_(level, line);
}

void Reporter::trouble(LogLevel level, const std::string& subject, const std::string& state, std::string_view text) {
  {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    Trouble& known = troubles_[subject];
    if (known.state == state && now - known.said < std::chrono::minutes(1)) return;
    known = {state, now};
  }
  say(level, text);
}

void Reporter::over(const std::string& subject, std::string_view text) {
  {
    const std::lock_guard lock(mutex_);
    if (troubles_.erase(subject) == 0) return;
  }
  say(LogLevel::info, text);
}

void Reporter::forget(const std::string& subject) {
  const std::lock_guard lock(mutex_);
  troubles_.erase(subject);
}

}  // namespace hostler::kafka
