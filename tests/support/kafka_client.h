// Apache Kafka from the test's side, on librdkafka, independent of the host: topics, records in, records out, group
// offsets. Every call waits for its result and throws with the broker's or client's words when there is none. One object
// belongs to one thread. Also works on a mock cluster's bootstrap, except the group calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/env.h"

namespace hostler::testing {

// Nothing is Kafka's null, which is not the same as empty.
using OptionalBytes = std::optional<std::string>;

struct Header {
  std::string name;
  OptionalBytes value;
  friend bool operator==(const Header&, const Header&) = default;
};

// `offset` is what was read, and ignored when producing. Default values produce: the key decides the partition, now.
struct KafkaRecord {
  OptionalBytes key;
  OptionalBytes value;
  std::vector<Header> headers = {};
  std::int32_t partition = -1;
  std::int64_t timestamp_ms = 0; // milliseconds since 1970
  std::int64_t offset = -1;

  // The last header of that name: nullopt when there is none or it is null.
  [[nodiscard]] OptionalBytes header(std::string_view name) const;
};

struct Watermarks {
  std::int64_t low = 0;
  std::int64_t high = 0; // the next offset to be written
};

enum class Isolation { read_committed, read_uncommitted };

class KafkaClient {
 public:
  explicit KafkaClient(const std::string& bootstrap = kafka_bootstrap());
  ~KafkaClient();
  KafkaClient(const KafkaClient&) = delete;
  KafkaClient& operator=(const KafkaClient&) = delete;

  // Topics. create_topic returns when every partition has a leader.
  void create_topic(const std::string& topic, int partitions = 1,
                    const std::map<std::string, std::string>& config = {});
  void delete_topic(const std::string& topic);
  void add_partitions(const std::string& topic, int new_total);
  [[nodiscard]] std::vector<std::string> topics(std::string_view prefix = "");
  [[nodiscard]] bool has_topic(const std::string& topic);
  [[nodiscard]] int partitions(const std::string& topic); // 0 when there is no such topic
  [[nodiscard]] std::map<std::string, std::string> topic_config(const std::string& topic);

  // Producing: idempotent, acks=all. produce() queues; flush() waits for all delivery reports and throws if one failed.
  void produce(const std::string& topic, const KafkaRecord& record);
  void flush();
  void produce_all(const std::string& topic, const std::vector<KafkaRecord>& records);

  // Reading, without a group. Everything from the low watermark to the end as it is at the call, ordered by partition and
  // offset.
  [[nodiscard]] std::vector<KafkaRecord> read(const std::string& topic,
                                              Isolation isolation = Isolation::read_committed);
  [[nodiscard]] std::map<std::int32_t, Watermarks> watermarks(const std::string& topic);
  // Offsets written so far, over all partitions: high minus low watermarks.
  [[nodiscard]] std::int64_t count(const std::string& topic);

  // Groups. committed() has an entry for each partition with a committed (next) offset.
  [[nodiscard]] std::map<std::int32_t, std::int64_t> committed(const std::string& group,
                                                               const std::string& topic);
  // High watermarks minus committed offsets, over all partitions; a partition without one counts from its low watermark.
  [[nodiscard]] std::int64_t lag(const std::string& group, const std::string& topic);
  // What kafka-consumer-groups --reset-offsets does; the group must have no members.
  void set_committed(const std::string& group, const std::string& topic, std::int32_t partition,
                     std::int64_t offset);
  // Deletes the group and what it committed; it must have no members.
  void forget_group(const std::string& group);
  struct Group {
    std::string state; // "Stable", "Empty", "PreparingRebalance", "Dead" …
    std::size_t members = 0;
  };
  [[nodiscard]] Group group(const std::string& group);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace hostler::testing
