#include "kafka/check_properties.h"

#include "kafka/client_config.h"

namespace hostler::kafka {

core::Status<> check_consumer_properties(const core::HandlerConfig& handler) {
  ConsumerOptions options;
  options.brokers = "127.0.0.1:1";  // not contacted: no client is made
  options.group = handler.group;
  options.topics = handler.topics;
  options.properties = handler.kafka;
  const auto made = consumer_config(options);
  if (!made) return made.error();
  return core::Status<>::success();
}

core::Status<> check_transaction_properties(const core::HandlerConfig& handler) {
  ConsumerOptions options;
  options.brokers = "127.0.0.1:1";
  options.group = handler.group;
  options.properties = handler.kafka;
  options.transactions.emplace();
  const auto made = transactional_config(options, {"topic", {0}}, 0);
  if (!made) return made.error();
  return core::Status<>::success();
}

core::Status<> check_publisher_properties(const core::KafkaConfig& cluster) {
  PublisherOptions options;
  options.brokers = "127.0.0.1:1";
  options.properties = cluster.properties;
  const auto made = publisher_config(options);
  if (!made) return made.error();
  return core::Status<>::success();
}

}  // namespace hostler::kafka
