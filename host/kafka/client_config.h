// From what the host was told to a librdkafka configuration: our defaults, the user's properties over them, and last
// what correctness stands on. Private to kafka/. Pure, but for asking the library what it knows.
#pragma once

#include <string>
#include <string_view>

#include "core/host_config.h"
#include "core/result.h"
#include "kafka/consumer.h"
#include "kafka/handles.h"
#include "kafka/publisher.h"

namespace hostler::kafka {

// How much a consumer prefetches. librdkafka's limits hold for each partition's private queue.
struct Prefetch {
  std::uint64_t min_messages = 0;   // queued.min.messages
  std::uint64_t max_kbytes = 0;     // queued.max.messages.kbytes
  std::uint64_t fetch_bytes = 0;    // fetch.message.max.bytes: one fetch may overshoot by this
};
[[nodiscard]] Prefetch prefetch_for(const ConsumerOptions& options);

[[nodiscard]] bool property_is(const core::Properties& properties, const char* name, std::string_view value);
// "2.0.2" from rd_kafka_version().
[[nodiscard]] std::string version_text(int version);
// What a group was asked to do and this version of the client does not do well enough is an error that says which does.
[[nodiscard]] core::Status<> check_group_features(const core::Properties& properties, int version);

core::Result<ConfHandle> consumer_config(const ConsumerOptions& options);
core::Result<ConfHandle> publisher_config(const PublisherOptions& options);
// For admin requests and metadata only.
core::Result<ConfHandle> admin_config(const std::string& brokers, const std::string& client_id,
                                      const core::Properties& properties);

}  // namespace hostler::kafka
