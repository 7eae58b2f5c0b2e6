// librdkafka's in-process mock cluster, for `hostler demo` and smoke tests: needs nothing installed. It keeps at most 5 MB and
// 100,000 batches of a partition (older ones vanish silently), knows neither real transactions nor topic settings, and the first
// rebalance of a group takes 3 s. Thread-safety: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "runtime/admin.h"

namespace hostler::kafka {

class MockCluster {
 public:
  // Listens on 127.0.0.1, on ports the system chooses.
  [[nodiscard]] static core::Result<std::unique_ptr<MockCluster>> create(int brokers = 1);
  ~MockCluster();
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  [[nodiscard]] std::string bootstrap() const;  // host:port, comma separated
  core::Status<> create_topic(const std::string& name, std::int32_t partitions);
  // The next `count` requests of this kind fail with this error code of Kafka's protocol. For tests.
  enum class Request : std::int16_t { produce = 0, offset_commit = 8, offset_fetch = 9 };  // the protocol's numbers
  void fail(Request request, std::int16_t error, std::size_t count);
  // What consumers of this cluster should set: its empty fetches are not woken by new records, and every rebalance
  // but a group's first takes the session timeout less a second.
  [[nodiscard]] static std::map<std::string, std::string> consumer_properties();

 private:
  struct Impl;
  explicit MockCluster(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The mock cluster has no admin requests: this remembers what was created through it.
class MockAdmin final : public runtime::Admin {
 public:
  explicit MockAdmin(MockCluster& cluster) : cluster_(cluster) {}

  core::Result<std::vector<runtime::TopicInfo>> topics() override;
  core::Result<std::optional<runtime::TopicInfo>> topic(const std::string& name) override;
  core::Result<std::map<std::string, std::string>> settings(const std::string& topic) override;
  core::Status<> create(std::span<const runtime::TopicSpec> topics) override;
  core::Result<std::string> cluster_id() override;
  core::Result<std::vector<runtime::PartitionLook>> look_into(std::span<const runtime::LookAt> places, core::Millis timeout) override;

 private:
  MockCluster& cluster_;
  std::mutex mutex_;
  std::map<std::string, runtime::TopicSpec> topics_;  // guarded by mutex_
};

}  // namespace hostler::kafka
