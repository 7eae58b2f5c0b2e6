#include "bench/group_reader.h"

#include <algorithm>
#include <stdexcept>

#include "kafka/client_config.h"

namespace hostler::bench {
namespace {

using std::chrono::steady_clock;
constexpr auto commit_every = std::chrono::milliseconds(100);
constexpr int patience_ms = 100;

void check(rd_kafka_resp_err_t error, const std::string& what) {
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(what + ": " + rd_kafka_err2str(error));
}

// The very properties that the host gives its client. All partitions share one queue here, and the client counts the
// prefetch limits per queue: the twin gets the room that the host's queues have together.
rd_kafka_conf_t* properties(const core::HostConfig& config) {
  const auto& handler = config.handlers.front();
  kafka::ConsumerOptions options;
  options.brokers = config.kafka.brokers.front();
  options.group = handler.group;
  options.topics = handler.topics;
  options.properties = handler.kafka;
  options.memory_bytes = config.memory_bytes * 3 / 4;
  options.expected_partitions = 1;
  auto conf = kafka::consumer_config(options);
  if (!conf) throw std::runtime_error(conf.error().message);
  return conf.value().release();
}

void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions,
                  void* /*opaque*/) {
  if (what != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    rd_kafka_assign(client, nullptr);
    return;
  }
  for (int i = 0; i < partitions->cnt; ++i) partitions->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_assign(client, partitions);
}

} // namespace

GroupReader::GroupReader(const core::HostConfig& config)
    : topic_(config.handlers.front().topics.front()),
      room_(config.handlers.front().batch.max_records),
      committed_at_(steady_clock::now()) {
  char error[512];
  auto* conf = properties(config);
  rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
  client_.reset(rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error));
  if (!client_) throw std::runtime_error(error);
  rd_kafka_poll_set_consumer(client_.get());
  queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
  auto* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, topic_.c_str(), RD_KAFKA_PARTITION_UA);
  const auto subscribed = rd_kafka_subscribe(client_.get(), topics);
  rd_kafka_topic_partition_list_destroy(topics);
  check(subscribed, "subscribe");
}

GroupReader::~GroupReader() {
  settled();
  queue_.reset();
  rd_kafka_consumer_close(client_.get());
}

std::span<rd_kafka_message_t* const> GroupReader::read() {
  // Waiting for a full batch would hold the last ones back: what is there, or else the next one.
  ssize_t got = rd_kafka_consume_batch_queue(queue_.get(), 0, room_.data(), room_.size());
  if (got == 0) got = rd_kafka_consume_batch_queue(queue_.get(), patience_ms, room_.data(), 1);
  if (got < 0) check(rd_kafka_last_error(), "consume");
  count_ = static_cast<std::size_t>(got);
  return {room_.data(), count_};
}

void GroupReader::settled() {
  for (std::size_t i = 0; i < count_; ++i) {
    rd_kafka_message_t* message = room_[i];
    check(message->err, "record");
    const auto partition = static_cast<std::size_t>(message->partition);
    if (partition >= next_.size()) next_.resize(partition + 1, -1);
    next_[partition] = message->offset + 1;
    rd_kafka_message_destroy(message);
  }
  count_ = 0;
  if (steady_clock::now() - committed_at_ >= commit_every) send_commit(false);
}

void GroupReader::commit() { send_commit(true); }

void GroupReader::send_commit(bool wait) {
  committed_at_ = steady_clock::now();
  auto* offsets = rd_kafka_topic_partition_list_new(static_cast<int>(next_.size()));
  for (std::size_t p = 0; p < next_.size(); ++p) {
    if (next_[p] < 0) continue;
    rd_kafka_topic_partition_list_add(offsets, topic_.c_str(), static_cast<std::int32_t>(p))->offset =
        next_[p];
  }
  const auto error =
      offsets->cnt == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_commit(client_.get(), offsets, wait ? 0 : 1);
  rd_kafka_topic_partition_list_destroy(offsets);
  check(error, "commit");
}

} // namespace hostler::bench
