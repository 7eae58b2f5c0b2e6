#include "kafka/group_offsets.h"

namespace hostler::kafka {
namespace {

int ms(core::Millis time) { return static_cast<int>(time.count()); }

std::string name_of(const core::TopicPartition& where) { return where.topic + " [" + std::to_string(where.partition.value) + "]"; }

}  // namespace

PartitionList to_list(const Offsets& offsets) {
  PartitionList list = new_partition_list(static_cast<int>(offsets.size()));
  for (const auto& [where, offset] : offsets) {
    rd_kafka_topic_partition_list_add(list.get(), where.topic.c_str(), where.partition.value)->offset = offset.value;
  }
  return list;
}

core::Result<Offsets> GroupOffsets::committed(std::span<const core::TopicPartition> partitions) {
  const PartitionList list = new_partition_list(static_cast<int>(partitions.size()));
  for (const auto& where : partitions) rd_kafka_topic_partition_list_add(list.get(), where.topic.c_str(), where.partition.value);
  const rd_kafka_resp_err_t err = rd_kafka_committed(client_.get(), list.get(), ms(timeout_));
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{"cannot read the group's committed offsets: " + error_text(err)};
  Offsets found;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& entry = list->elems[i];
    core::TopicPartition where{entry.topic, {entry.partition}};
    if (entry.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return core::Error{"cannot read the committed offset of " + name_of(where) + ": " + error_text(entry.err)};
    }
    if (entry.offset >= 0) found.emplace(std::move(where), core::Offset{entry.offset});
  }
  return found;
}

core::Status<> GroupOffsets::commit(const Offsets& offsets) {
  if (offsets.empty()) return core::Status<>::success();
  // Not the client's blocking commit: that one waits as long as the broker likes.
  const QueueHandle replies(rd_kafka_queue_new(client_.get()));
  const PartitionList list = to_list(offsets);
  rd_kafka_resp_err_t err = rd_kafka_commit_queue(client_.get(), list.get(), replies.get(), nullptr, nullptr);
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{"cannot commit offsets: " + error_text(err)};
  const EventHandle reply(rd_kafka_queue_poll(replies.get(), ms(timeout_)));
  if (reply == nullptr) return core::Error{"no answer to a commit of offsets within " + std::to_string(timeout_.count()) + " ms"};
  const rd_kafka_topic_partition_list_t* results = rd_kafka_event_topic_partition_list(reply.get());
  for (int i = 0; results != nullptr && i < results->cnt; ++i) {
    const rd_kafka_topic_partition_t& entry = results->elems[i];
    if (entry.err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    return core::Error{"the commit of offset " + std::to_string(entry.offset) + " of " +
                       name_of({entry.topic, {entry.partition}}) + " was refused: " + error_text(entry.err)};
  }
  err = rd_kafka_event_error(reply.get());
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{"cannot commit offsets: " + error_text(err)};
  return core::Status<>::success();
}

core::Result<core::Offset> GroupOffsets::edge(const core::TopicPartition& where, core::Start which) {
  std::int64_t low = -1, high = -1;
  const rd_kafka_resp_err_t err =
      rd_kafka_query_watermark_offsets(client_.get(), where.topic.c_str(), where.partition.value, &low, &high, ms(timeout_));
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{"cannot ask where " + name_of(where) + " begins and ends: " + error_text(err)};
  return core::Offset{which == core::Start::earliest ? low : high};
}

core::Result<std::int32_t> GroupOffsets::partition_count(const std::string& topic) {
  const TopicHandle handle(rd_kafka_topic_new(client_.get(), topic.c_str(), nullptr));
  if (handle == nullptr) return core::Error{"cannot look at topic " + topic + ": " + error_text(rd_kafka_last_error())};
  const struct rd_kafka_metadata* raw = nullptr;
  const rd_kafka_resp_err_t err = rd_kafka_metadata(client_.get(), 0, handle.get(), &raw, ms(timeout_));
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{"cannot look at topic " + topic + ": " + error_text(err)};
  const MetadataHandle metadata(raw);
  if (metadata->topic_cnt != 1) return core::Error{"the brokers say nothing about topic " + topic};
  const rd_kafka_metadata_topic_t& found = metadata->topics[0];
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{"cannot look at topic " + topic + ": " + error_text(found.err)};
  return found.partition_cnt;
}

}  // namespace hostler::kafka
