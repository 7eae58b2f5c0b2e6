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

core::Result<ConfHandle> consumer_config(const ConsumerOptions& options);
core::Result<ConfHandle> publisher_config(const PublisherOptions& options);
// Of the producer for one partition's transactions.
core::Result<ConfHandle> transactional_config(const ConsumerOptions& options, const core::TopicPartition& where, std::size_t turn);
// For admin requests and metadata only.
core::Result<ConfHandle> admin_config(const std::string& brokers, const std::string& client_id,
                                      const core::Properties& properties);
// For a consumer without a group that looks at single records, uncommitted ones too.
core::Result<ConfHandle> reader_config(const std::string& brokers, const std::string& client_id, const core::Properties& properties);

}  // namespace hostler::kafka
