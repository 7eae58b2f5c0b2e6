// Owners of librdkafka's C handles: one alias per kind, each released by the right function. Private to kafka/.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>

namespace hostler::kafka {

template <auto Release>
struct Releaser {
  template <class T>
  void operator()(T* handle) const { Release(handle); }
};

using ConfHandle = std::unique_ptr<rd_kafka_conf_t, Releaser<&rd_kafka_conf_destroy>>;
using ClientHandle = std::unique_ptr<rd_kafka_t, Releaser<&rd_kafka_destroy>>;
using PartitionList =
    std::unique_ptr<rd_kafka_topic_partition_list_t, Releaser<&rd_kafka_topic_partition_list_destroy>>;
using QueueHandle = std::unique_ptr<rd_kafka_queue_t, Releaser<&rd_kafka_queue_destroy>>;
using MessageHandle = std::unique_ptr<rd_kafka_message_t, Releaser<&rd_kafka_message_destroy>>;
using HeadersHandle = std::unique_ptr<rd_kafka_headers_t, Releaser<&rd_kafka_headers_destroy>>;
using EventHandle = std::unique_ptr<rd_kafka_event_t, Releaser<&rd_kafka_event_destroy>>;
using ErrorHandle = std::unique_ptr<rd_kafka_error_t, Releaser<&rd_kafka_error_destroy>>;
using GroupMetadataHandle =
    std::unique_ptr<rd_kafka_consumer_group_metadata_t, Releaser<&rd_kafka_consumer_group_metadata_destroy>>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_t, Releaser<&rd_kafka_topic_destroy>>;
using MetadataHandle = std::unique_ptr<const struct rd_kafka_metadata, Releaser<&rd_kafka_metadata_destroy>>;
using AdminOptionsHandle = std::unique_ptr<rd_kafka_AdminOptions_t, Releaser<&rd_kafka_AdminOptions_destroy>>;
using NewTopicHandle = std::unique_ptr<rd_kafka_NewTopic_t, Releaser<&rd_kafka_NewTopic_destroy>>;
using ConfigResourceHandle =
    std::unique_ptr<rd_kafka_ConfigResource_t, Releaser<&rd_kafka_ConfigResource_destroy>>;
using GroupOffsetsHandle =
    std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t, Releaser<&rd_kafka_ListConsumerGroupOffsets_destroy>>;
using AlterOffsetsHandle =
    std::unique_ptr<rd_kafka_AlterConsumerGroupOffsets_t, Releaser<&rd_kafka_AlterConsumerGroupOffsets_destroy>>;

[[nodiscard]] inline PartitionList new_partition_list(int expected = 8) {
  return PartitionList(rd_kafka_topic_partition_list_new(expected));
}

// "UNKNOWN_TOPIC_OR_PART: Broker: Unknown topic or partition".
[[nodiscard]] inline std::string error_text(rd_kafka_resp_err_t err) {
  return std::string(rd_kafka_err2name(err)) + ": " + rd_kafka_err2str(err);
}

}  // namespace hostler::kafka
