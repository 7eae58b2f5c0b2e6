// Batches of a consumer group, as bare as librdkafka gives them, with the host's properties. Both twins read through it.
// Thread-safety: one thread.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/host_config.h"

namespace hostler::bench {

class GroupReader {
 public:
  // Joins the group of the configuration's only handler; it reads one topic from the beginning.
  explicit GroupReader(const core::HostConfig& config);
  ~GroupReader();
  GroupReader(const GroupReader&) = delete;
  GroupReader& operator=(const GroupReader&) = delete;

  // The next batch, empty when nothing came for a while. Valid until settled().
  [[nodiscard]] std::span<rd_kafka_message_t* const> read();
  // Lets the batch go; its offsets are committed with the next commit, every 100 ms.
  void settled();
  // Commits what is settled and waits for the answer.
  void commit();

  // Next offset of each partition, -1 where nothing was settled yet.
  [[nodiscard]] const std::vector<std::int64_t>& next() const { return next_; }
  [[nodiscard]] const std::string& topic() const { return topic_; }

 private:
  struct Free {
    void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
    void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  };
  void send_commit(bool wait);

  const std::string topic_;
  std::unique_ptr<rd_kafka_t, Free> client_;
  std::unique_ptr<rd_kafka_queue_t, Free> queue_;
  std::vector<rd_kafka_message_t*> room_;
  std::size_t count_ = 0; // of room_: the batch
  std::vector<std::int64_t> next_;
  std::chrono::steady_clock::time_point committed_at_;
};

} // namespace hostler::bench
