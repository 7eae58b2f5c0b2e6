#include "kafka/message_storage.h"

namespace hostler::kafka {
namespace {

core::TimestampType to_timestamp_type(rd_kafka_timestamp_type_t type) {
  switch (type) {
    case RD_KAFKA_TIMESTAMP_CREATE_TIME: return core::TimestampType::create_time;
    case RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME: return core::TimestampType::log_append_time;
    default: return core::TimestampType::none;
  }
}

void fill(core::Record& record, const rd_kafka_message_t& message, const core::TopicPartition& where) {
  record.key = {static_cast<const char*>(message.key), message.key_len};
  record.value = {static_cast<const char*>(message.payload), message.len};
  record.topic = where.topic;
  record.partition = where.partition;
  record.offset = record.delivered_offset = {message.offset};
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  record.timestamp = record.delivered_timestamp = core::from_epoch_ms(rd_kafka_message_timestamp(&message, &type));
  record.timestamp_type = to_timestamp_type(type);
#if RD_KAFKA_VERSION >= 0x020100ff
  record.leader_epoch = rd_kafka_message_leader_epoch(&message);
#endif
}

}  // namespace

std::vector<core::HeaderView> MessageStorage::headers(std::size_t index) {
  std::vector<core::HeaderView> found;
  rd_kafka_headers_t* headers = nullptr;
  if (index >= messages.size() || messages[index] == nullptr ||
      rd_kafka_message_headers(messages[index], &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return found;
  }
  found.reserve(rd_kafka_header_cnt(headers));
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    found.push_back({name, {static_cast<const char*>(value), size}});
  }
  return found;
}

void MessageStorage::describe(core::Batch& batch, const std::shared_ptr<PartitionState>& partition) {
  partition_ = partition;
  partition_->in_hand.fetch_add(1);
  in_hand_ = true;
  from_ = partition->delivered;
  partition->delivered = core::Offset{messages.back()->offset}.next();
  batch.where = partition->where;
  batch.assignment = partition->assignment;
  batch.tier = partition->tier;
  batch.mark = partition->mark ? &*partition->mark : nullptr;
  batch.acked = {partition->confirmed.load()};
  batch.records.reserve(messages.size());
  for (const rd_kafka_message_t* message : messages) fill(batch.records.emplace_back(), *message, partition->where);
}

void MessageStorage::reset() {
  let_go();
  for (rd_kafka_message_t* message : messages) {
    if (message != nullptr) rd_kafka_message_destroy(message);
  }
  messages.clear();
  partition_.reset();
}

}  // namespace hostler::kafka
