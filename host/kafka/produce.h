// What every producer of the host does with a record: handing it to librdkafka, and what the answers mean. Private to kafka/.
// Thread-safety: any thread.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "core/types.h"
#include "kafka/handles.h"
#include "runtime/publisher.h"

namespace hostler::kafka {

[[nodiscard]] runtime::PublishFailure::Kind kind_of(rd_kafka_resp_err_t err);

// Queues a copy of the record; `opaque` comes back with its report. A partition is a wish: in a topic that has fewer the key decides.
rd_kafka_resp_err_t produce(rd_kafka_t* rk, const runtime::OutRecord& record, void* opaque);

// What a delivery report says. A success without an offset is none: the client infers it from a later batch's acknowledgement, and on a
// topic just created the record was seen to be missing.
[[nodiscard]] rd_kafka_resp_err_t reported_error(const rd_kafka_message_t& report);

// The topics that a producer has heard of.
class Introductions {
 public:
  // Asks for a topic's leaders when it is first heard of: records for a topic that the client does not know wait for its next look
  // round, up to a second, and a transaction waits with them. What goes wrong here comes up again at the records.
  void introduce(rd_kafka_t* rk, const std::string& topic, core::SteadyTime until);
  // Before the client ends.
  void clear() { topics_.clear(); }

 private:
  std::mutex mutex_;
  std::map<std::string, TopicHandle> topics_;  // those that exist; guarded by mutex_
};

// Asks the brokers, and so lets the client know the topic's leaders. False also when they do not answer in time.
bool topic_exists(rd_kafka_t* rk, rd_kafka_topic_t* topic, core::Millis timeout);

}  // namespace hostler::kafka
