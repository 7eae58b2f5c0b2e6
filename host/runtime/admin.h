// Looking at and creating topics. kafka/ implements it; fakes keep a map. Thread-safety: any thread, one call at a time each.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/headers.h"
#include "core/health.h"
#include "core/result.h"
#include "core/types.h"

namespace hostler::runtime {

struct TopicInfo {
  std::string name;
  std::int32_t partitions = 0;
  std::int32_t replication = 0;
};

struct TopicSpec {
  std::string name;
  std::int32_t partitions = 1;
  std::int32_t replication = -1;                 // -1: broker's default
  std::map<std::string, std::string> settings;   // cleanup.policy, retention.ms, …
};

// A record as it lies in a topic. Owns its bytes; nothing is Kafka's null.
struct LyingRecord {
  std::optional<std::string> key, value;
  std::vector<core::OwnedHeader> headers;
  core::Timestamp timestamp{};
};

struct PartitionLook {
  core::Offset low, high;             // the first offset there is, and the next to be written
  std::optional<LyingRecord> record;  // what lies at the offset that was asked for; empty: nothing (any more)
  std::string trouble{};              // why this partition could not be looked at; then nothing else is known
};

struct LookAt {
  core::TopicPartition where;
  core::Offset record;                // -1: no record is asked for
};

class Admin {
 public:
  virtual ~Admin() = default;
  // All topics of the cluster. Also the check that a broker answers.
  virtual core::Result<std::vector<TopicInfo>> topics() = 0;
  // One topic; empty if it does not exist. Never creates it.
  virtual core::Result<std::optional<TopicInfo>> topic(const std::string& name) = 0;
  // Settings of a topic in effect (DescribeConfigs).
  virtual core::Result<std::map<std::string, std::string>> settings(const std::string& topic) = 0;
  // Creates what is missing; an existing topic is left alone and is no error. Returns once the topics are usable.
  virtual core::Status<> create(std::span<const TopicSpec> topics) = 0;
  virtual core::Result<std::string> cluster_id() = 0;
  // How the cluster is: its brokers, each asked one question, and these topics. Never creates a topic. Takes at most about twice `timeout`.
  // An error: no broker answers. Unless overridden it knows what topic() says, and no brokers.
  virtual core::Result<core::ClusterHealth> look(std::span<const std::string> topics, core::Millis timeout);
  // Where partitions begin and end, and of each at most one record, in the order asked; a record of a transaction counts, whatever became of
  // it. An error: not all could be looked at within `timeout`. Unless overridden always.
  virtual core::Result<std::vector<PartitionLook>> look_into(std::span<const LookAt> places, core::Millis timeout);
};

}  // namespace hostler::runtime
