#include "kafka/produce.h"

#include <chrono>
#include <utility>

namespace hostler::kafka {

using runtime::OutRecord;

namespace {

HeadersHandle to_headers(const std::vector<runtime::OutHeader>& headers) {
  if (headers.empty()) return nullptr;
  HeadersHandle out(rd_kafka_headers_new(headers.size()));
  for (const auto& h : headers) {
    rd_kafka_header_add(out.get(), h.name.data(), static_cast<ssize_t>(h.name.size()), h.value ? h.value->data() : nullptr,
                        h.value ? static_cast<ssize_t>(h.value->size()) : 0);
  }
  return out;
}

rd_kafka_resp_err_t produce_to(rd_kafka_t* rk, const OutRecord& record, void* opaque, std::int32_t partition) {
  HeadersHandle headers = to_headers(record.headers);
  const rd_kafka_resp_err_t err = rd_kafka_producev(
      rk, RD_KAFKA_V_TOPIC(record.topic.c_str()), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_VALUE(const_cast<char*>(record.value.data), record.value.size),
      RD_KAFKA_V_KEY(const_cast<char*>(record.key.data), record.key.size), RD_KAFKA_V_TIMESTAMP(record.timestamp_ms),
      RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_END);
  if (err == RD_KAFKA_RESP_ERR_NO_ERROR) static_cast<void>(headers.release());  // the client owns them now
  return err;
}

}  // namespace

runtime::PublishFailure::Kind kind_of(rd_kafka_resp_err_t err) {
  switch (err) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return runtime::PublishFailure::Kind::too_large;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return runtime::PublishFailure::Kind::topic_missing;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return runtime::PublishFailure::Kind::refused;
    default:
      return runtime::PublishFailure::Kind::unavailable;
  }
}

rd_kafka_resp_err_t produce(rd_kafka_t* rk, const OutRecord& record, void* opaque) {
  if (!record.partition) return produce_to(rk, record, opaque, RD_KAFKA_PARTITION_UA);
  const rd_kafka_resp_err_t err = produce_to(rk, record, opaque, record.partition->value);
  return err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ? produce_to(rk, record, opaque, RD_KAFKA_PARTITION_UA) : err;
}

rd_kafka_resp_err_t reported_error(const rd_kafka_message_t& report) {
  const bool inferred = report.err == RD_KAFKA_RESP_ERR_NO_ERROR && report.offset < 0;
  return inferred ? RD_KAFKA_RESP_ERR__TIMED_OUT : report.err;
}

void Introductions::introduce(rd_kafka_t* rk, const std::string& topic, core::SteadyTime until) {
  {
    const std::lock_guard lock(mutex_);
    if (topics_.contains(topic)) return;
  }
  const auto left = std::chrono::duration_cast<core::Millis>(until - std::chrono::steady_clock::now());
  if (left <= core::Millis(0)) return;
  TopicHandle handle(rd_kafka_topic_new(rk, topic.c_str(), nullptr));
  if (!topic_exists(rk, handle.get(), left)) return;
  const std::lock_guard lock(mutex_);
  topics_.emplace(topic, std::move(handle));
}

bool topic_exists(rd_kafka_t* rk, rd_kafka_topic_t* topic, core::Millis timeout) {
  const struct rd_kafka_metadata* raw = nullptr;
  if (topic == nullptr || rd_kafka_metadata(rk, 0, topic, &raw, static_cast<int>(timeout.count())) != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
  const MetadataHandle metadata(raw);
  return metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topics[0].partition_cnt > 0;
}

}  // namespace hostler::kafka
