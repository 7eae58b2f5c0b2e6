#include "cli/demo_producer.h"

#include <algorithm>
#include <vector>

#include "cli/demo_setup.h"

namespace hostler::cli {
namespace {

constexpr std::uint64_t record_overhead = 100; // in bytes; more than a batch of one costs
constexpr std::uint64_t most_at_once = 2000;

TrafficOptions traffic_options(const DemoOptions& options) {
  TrafficOptions traffic;
  traffic.seed = options.seed;
  traffic.users = 60;
  traffic.permanent = 0.01;
  return traffic;
}

// The demo counts bytes per partition, so it chooses them itself (FNV-1a).
std::int32_t partition_of(const std::string& key) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return static_cast<std::int32_t>(hash % demo_partitions);
}

} // namespace

DemoProducer::DemoProducer(const DemoOptions& options, runtime::Publisher& publisher, Reference& reference)
    : rate_(options.rate), publisher_(publisher), reference_(reference), traffic_(traffic_options(options)) {}

core::Status<> DemoProducer::produce_until(core::Millis elapsed, core::Timestamp now) {
  const auto due = static_cast<std::uint64_t>(rate_) * static_cast<std::uint64_t>(elapsed.count()) / 1000;
  std::vector<TrafficRecord> records;
  while (produced_ + records.size() < due && records.size() < most_at_once && !full_)
    records.push_back(next(now));
  std::vector<runtime::OutRecord> out(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    out[i].topic = records[i].topic;
    out[i].partition = core::Partition{partition_of(records[i].key)};
    out[i].key = core::Bytes(records[i].key);
    if (records[i].value) out[i].value = core::Bytes(*records[i].value);
    out[i].timestamp_ms = core::to_epoch_ms(records[i].timestamp);
  }
  if (out.empty()) return core::Status<>::success();
  if (const auto failures = publisher_.publish(out); !failures.empty()) {
    return core::Error{"producing to the mock cluster: " + failures.front().message};
  }
  for (const auto& record : records) {
    reference_.add(record);
    ++by_topic_[record.topic];
  }
  produced_ += records.size();
  return core::Status<>::success();
}

std::uint64_t DemoProducer::produced_for(const std::string& service) const {
  std::uint64_t sum = 0;
  for (const auto& topic : demo_subscriptions().at(service)) {
    const auto found = by_topic_.find(topic);
    if (found != by_topic_.end()) sum += found->second;
  }
  return sum;
}

TrafficRecord DemoProducer::next(core::Timestamp now) {
  TrafficRecord record = traffic_.next(now);
  auto& bytes = bytes_[record.topic + "/" + std::to_string(partition_of(record.key))];
  bytes += record.key.size() + (record.value ? record.value->size() : 0) + record_overhead;
  full_ = full_ || bytes >= most_partition_bytes;
  return record;
}

} // namespace hostler::cli
