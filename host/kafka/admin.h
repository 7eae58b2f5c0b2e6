// KafkaAdmin: looks at topics and creates them. Used by start-up, `check` and the topics commands; every call blocks.
// Thread-safety: any thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/host_config.h"
#include "core/result.h"
#include "core/types.h"
#include "kafka/log.h"
#include "runtime/admin.h"

namespace hostler::kafka {

struct AdminOptions {
  std::string brokers;              // host:port, comma separated
  std::string client_id = "hostler";
  core::Properties properties;      // librdkafka's
  core::Millis timeout{10'000};     // of one request; create() may take twice that
  LogFn log;
};

class KafkaAdmin final : public runtime::Admin {
 public:
  explicit KafkaAdmin(AdminOptions options);
  ~KafkaAdmin() override;

  // Errors: a property that librdkafka refuses. A broker that is down is none.
  core::Status<> start();

  core::Result<std::vector<runtime::TopicInfo>> topics() override;
  core::Result<std::optional<runtime::TopicInfo>> topic(const std::string& name) override;
  core::Result<std::map<std::string, std::string>> settings(const std::string& topic) override;
  core::Status<> create(std::span<const runtime::TopicSpec> topics) override;
  core::Result<std::string> cluster_id() override;
  core::Result<core::ClusterHealth> look(std::span<const std::string> topics, core::Millis timeout) override;
  core::Result<std::vector<runtime::PartitionLook>> look_into(std::span<const runtime::LookAt> places, core::Millis timeout) override;

  // Whether the brokers would create these topics now: rights, replication, policies. Creates nothing.
  core::Status<> try_create(std::span<const runtime::TopicSpec> topics);
  // How many partitions the group has committed offsets for; 0 for a group that does not exist. Errors: not allowed, not reached.
  core::Result<std::size_t> committed_partitions(const std::string& group);
  // Why the brokers refuse this user, with the mend; empty if they do not, or were not reached. Known after a request that failed.
  [[nodiscard]] std::string refused_login() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The version of the librdkafka in use, as in "2.0.2".
[[nodiscard]] std::string client_version();

}  // namespace hostler::kafka
