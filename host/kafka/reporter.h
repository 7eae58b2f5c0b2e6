// Says a lasting trouble once: repeats of the same trouble are silent until it changes, is over, or a minute has passed.
// Thread-safety: any thread.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "core/types.h"
#include "kafka/log.h"

namespace hostler::kafka {

class Reporter {
 public:
  // `who` begins every line, as in "group user-service".
  Reporter(LogFn log, std::string who) : log_(std::move(log)), who_(std::move(who)) {}

  void say(LogLevel level, std::string_view text) const;
  // `subject` is what the trouble is about (brokers, commit, a topic), `state` what repeats of it have in common.
  void trouble(LogLevel level, const std::string& subject, const std::string& state, std::string_view text);
  // The trouble of `subject`, if it was reported, is over: says so once.
  void over(const std::string& subject, std::string_view text);
  // Likewise, silently.
  void forget(const std::string& subject);

 private:
  struct Trouble {
    std::string state;
    core::SteadyTime said;
  };
  const LogFn log_;
  const std::string who_;
  std::mutex mutex_;
  std::map<std::string, Trouble> troubles_;  // guarded by mutex_
};

}  // namespace hostler::kafka
