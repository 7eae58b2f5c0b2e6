// The strong types every folder speaks: offsets, partitions, attempts, times. Plain values, no I/O.
// Thread-safety: values, freely copied between threads.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hostler::core {

// Position of a record in its partition. `next()` is what is committed after it.
struct Offset {
  std::int64_t value = -1;
  [[nodiscard]] Offset next() const { return {value + 1}; }
  auto operator<=>(const Offset&) const = default;
};

struct Partition {
  std::int32_t value = -1;
  auto operator<=>(const Partition&) const = default;
};

// Deliveries of a record to its handler, this one included: 1 on the first.
struct Attempt {
  std::uint32_t value = 1;
  [[nodiscard]] Attempt next() const { return {value + 1}; }
  auto operator<=>(const Attempt&) const = default;
};

// How often a record was delegated (to a retry topic or the dead letters). 0 = never; only grows.
struct Step {
  std::uint32_t value = 0;
  [[nodiscard]] Step next() const { return {value + 1}; }
  auto operator<=>(const Step&) const = default;
};

using Millis = std::chrono::milliseconds;
// Wall-clock time in milliseconds since 1970-01-01 UTC: what Kafka stamps records with.
using Timestamp = std::chrono::sys_time<Millis>;
// For waiting and deadlines only; never stored.
using SteadyTime = std::chrono::steady_clock::time_point;

[[nodiscard]] inline Timestamp from_epoch_ms(std::int64_t ms) { return Timestamp(Millis(ms)); }
[[nodiscard]] inline std::int64_t to_epoch_ms(Timestamp t) { return t.time_since_epoch().count(); }

enum class TimestampType : std::int32_t { none = -1, create_time = 0, log_append_time = 1 };

// Bytes of a key, value or header, borrowed. data == nullptr is Kafka's null (a tombstone, no key),
// which differs from empty.
struct Bytes {
  const char* data = nullptr;
  std::size_t size = 0;

  Bytes() = default;
  Bytes(const char* d, std::size_t n) : data(d), size(n) {}
  // An empty view becomes empty bytes, never null.
  explicit Bytes(std::string_view s) : data(s.data() == nullptr ? "" : s.data()), size(s.size()) {}

  [[nodiscard]] bool is_null() const { return data == nullptr; }
  [[nodiscard]] std::string_view view() const { return data == nullptr ? std::string_view() : std::string_view(data, size); }
};

struct TopicPartition {
  std::string topic;
  Partition partition;
  auto operator<=>(const TopicPartition&) const = default;
};

// A header of a Kafka record, borrowed. The value may be null.
struct HeaderView {
  std::string_view name;
  Bytes value;
};

}  // namespace hostler::core
