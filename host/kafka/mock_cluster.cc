#include "kafka/mock_cluster.h"

#include <array>
#include <utility>

#include "kafka/handles.h"
#include "kafka/record_reader.h"

#include <librdkafka/rdkafka_mock.h>  // after rdkafka.h; not covered by librdkafka's stability promise: only here

namespace hostler::kafka {

using MockHandle = std::unique_ptr<rd_kafka_mock_cluster_t, Releaser<&rd_kafka_mock_cluster_destroy>>;

struct MockCluster::Impl {
  ClientHandle client;  // hosts the cluster; before it, so that it is destroyed after
  MockHandle cluster;
};

MockCluster::MockCluster(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MockCluster::~MockCluster() = default;

core::Result<std::unique_ptr<MockCluster>> MockCluster::create(int brokers) {
  auto impl = std::make_unique<Impl>();
  std::array<char, 256> text{};
  ConfHandle conf(rd_kafka_conf_new());
  rd_kafka_conf_set(conf.get(), "client.id", "mock-cluster", text.data(), text.size());
  rd_kafka_conf_set_log_cb(conf.get(), nullptr);  // it would complain that it has no brokers
  impl->client.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), text.data(), text.size()));
  if (!impl->client) return core::Error{std::string("cannot start the mock cluster: ") + text.data()};
  static_cast<void>(conf.release());
  impl->cluster.reset(rd_kafka_mock_cluster_new(impl->client.get(), brokers));
  if (!impl->cluster) return core::Error{"cannot start the mock cluster: no port to listen on"};
  return std::unique_ptr<MockCluster>(new MockCluster(std::move(impl)));
}

std::string MockCluster::bootstrap() const { return rd_kafka_mock_cluster_bootstraps(impl_->cluster.get()); }

core::Status<> MockCluster::create_topic(const std::string& name, std::int32_t partitions) {
  const auto err = rd_kafka_mock_topic_create(impl_->cluster.get(), name.c_str(), partitions, 1);
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{"cannot create topic " + name + " in the mock cluster: " + error_text(err)};
  return core::Status<>::success();
}

void MockCluster::fail(Request request, std::int16_t error, std::size_t count) {
  const std::vector<rd_kafka_resp_err_t> errors(count, static_cast<rd_kafka_resp_err_t>(error));
  rd_kafka_mock_push_request_errors_array(impl_->cluster.get(), static_cast<std::int16_t>(request), errors.size(), errors.data());
}

std::map<std::string, std::string> MockCluster::consumer_properties() {
  return {{"fetch.wait.max.ms", "10"}, {"session.timeout.ms", "10000"}};
}

core::Result<std::vector<runtime::TopicInfo>> MockAdmin::topics() {
  const std::lock_guard lock(mutex_);
  std::vector<runtime::TopicInfo> found;
  for (const auto& [name, spec] : topics_) found.push_back({name, spec.partitions, 1});
  return found;
}

core::Result<std::optional<runtime::TopicInfo>> MockAdmin::topic(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = topics_.find(name);
  if (found == topics_.end()) return std::optional<runtime::TopicInfo>();
  return std::optional<runtime::TopicInfo>({name, found->second.partitions, 1});
}

core::Result<std::map<std::string, std::string>> MockAdmin::settings(const std::string& topic) {
  const std::lock_guard lock(mutex_);
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return core::Error{"the mock cluster has no topic " + topic};
  std::map<std::string, std::string> settings = {
      {"cleanup.policy", "delete"}, {"retention.ms", "604800000"}, {"max.message.bytes", "1048588"}, {"min.insync.replicas", "1"}};
  for (const auto& [name, value] : found->second.settings) settings[name] = value;
  return settings;
}

core::Status<> MockAdmin::create(std::span<const runtime::TopicSpec> topics) {
  const std::lock_guard lock(mutex_);
  for (const auto& spec : topics) {
    if (topics_.contains(spec.name)) continue;
    if (auto created = cluster_.create_topic(spec.name, spec.partitions); !created) return created;
    topics_[spec.name] = spec;
  }
  return core::Status<>::success();
}

core::Result<std::string> MockAdmin::cluster_id() { return std::string("mock"); }

core::Result<std::vector<runtime::PartitionLook>> MockAdmin::look_into(std::span<const runtime::LookAt> places, core::Millis timeout) {
  AdminOptions options;
  options.brokers = cluster_.bootstrap();
  return kafka::look_into(options, places, timeout);
}

}  // namespace hostler::kafka
