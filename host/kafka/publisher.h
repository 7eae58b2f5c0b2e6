// KafkaPublisher: retry copies, dead letters and outputs through one idempotent producer (acks=all) that reports every
// record. Thread-safety: publish from any thread, concurrently.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/host_config.h"
#include "core/result.h"
#include "core/types.h"
#include "kafka/log.h"
#include "runtime/publisher.h"

namespace hostler::kafka {

struct PublisherOptions {
  std::string brokers;                   // host:port, comma separated
  std::string client_id = "hostler";
  core::Properties properties;           // librdkafka's; acks, idempotence and delivery reports are not theirs to change
  core::Millis delivery_timeout{30'000}; // how long one record may take, retries included
  core::Millis missing_topic_timeout{3'000};  // how long a topic may be unknown before it counts as missing
  LogFn log;
};

// Records are sent at once (linger 0): a caller waits for the reports of what it gave, so waiting for company only costs.
// After a fatal error of the idempotent producer the call fails as `unavailable` and the next one gets a new producer.
// Not promised: order between two publish calls.
class KafkaPublisher final : public runtime::Publisher {
 public:
  explicit KafkaPublisher(PublisherOptions options);
  // Closes, with the delivery timeout for patience.
  ~KafkaPublisher() override;

  // Errors: a property that librdkafka refuses. A broker that is down is none.
  core::Status<> start();
  [[nodiscard]] std::vector<runtime::PublishFailure> publish(std::span<const runtime::OutRecord> records) override;
  // Ends the producer: fire-and-forget records get until `until`, and no longer than the delivery timeout, to leave; what does not is given up and
  // said. A moment more may pass. Every publish call has returned; later ones fail.
  void close(core::SteadyTime until);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hostler::kafka
