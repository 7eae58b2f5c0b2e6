// The retry and dead-letter topics of one handler: created where they are missing and that is allowed, looked at before a
// source topic is read. Thread-safety: any thread.
#pragma once

#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/host_config.h"
#include "core/result.h"
#include "runtime/admin.h"

namespace hostler::runtime {

// Room that a copy's headers need beyond the source topic's max.message.bytes.
inline constexpr std::int64_t copy_headroom_bytes = 64 << 10;

// What must exist for records of `source` (which is described by `info` and `settings`) to be retried and dead-lettered.
[[nodiscard]] core::Result<std::vector<TopicSpec>> wanted_topics(const core::HandlerConfig& handler, const TopicInfo& source,
                                                                 const std::map<std::string, std::string>& settings);

// The handler's source topics: those it names, and those of `existing` that its patterns match and that no handler derives.
[[nodiscard]] std::vector<std::string> source_topics(const core::HandlerConfig& handler, const core::HostConfig& config, std::span<const TopicInfo> existing);

class DerivedTopics {
 public:
  DerivedTopics(const core::HandlerConfig& handler, Admin& admin) : handler_(handler), admin_(admin) {}

  // Makes sure that records of the topic can be parked and dead-lettered. An error: not now, or not without an operator.
  [[nodiscard]] core::Status<> ensure(const std::string& source_topic);
  // The same for every topic of the handler that exists now (patterns matched against the cluster's topics, derived ones excluded).
  [[nodiscard]] core::Status<> ensure_all(const core::HostConfig& config);

 private:
  const core::HandlerConfig& handler_;
  Admin& admin_;
  std::mutex mutex_;
  std::set<std::string> known_;  // guarded by mutex_
};

}  // namespace hostler::runtime
