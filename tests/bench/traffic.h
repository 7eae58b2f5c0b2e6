// The records of the benches: JSON envelopes of 300 bytes with two headers, lz4. Thread-safety: none shared.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <memory>
#include <random>
#include <string>

namespace hostler::bench {

inline constexpr int partitions = 6;
inline constexpr const char* id_header = "event-id"; // a random UUID, as text
inline constexpr std::size_t envelope_size = 300;

// Produces envelopes; each has an id that no other has.
class Traffic {
 public:
  enum class Hurry { throughput, latency }; // what the producer is tuned for

  Traffic(const std::string& brokers, Hurry hurry);
  // Queues one record.
  void produce(const std::string& topic, std::int32_t partition);
  // Waits until everything is delivered; throws when something was not.
  void flush();

 private:
  struct Free {
    void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
  };
  std::uint64_t failed_ = 0; // counted by the client's callback, on the thread that polls: ours
  std::unique_ptr<rd_kafka_t, Free> client_;
  std::mt19937_64 random_{std::random_device{}()};
};

// A topic with `records` records, evenly over its partitions.
void preload(const std::string& brokers, const std::string& topic, std::uint64_t records);

} // namespace hostler::bench
