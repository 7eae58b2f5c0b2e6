// A cluster in memory that tells what lies in its topics. Thread-safety: one thread.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/admin.h"

namespace hostler::testing {

class MemoryTopics final : public runtime::Admin {
 public:
  struct Partition {
    std::int64_t low = 0;
    std::map<std::int64_t, runtime::LyingRecord> records;
    std::int64_t high = 0;
  };
  std::string id = "cluster-a";
  std::map<core::TopicPartition, Partition> partitions;
  std::map<core::TopicPartition, std::string> trouble;  // why one of them cannot be looked at
  std::string down;            // why nobody answers; empty: they do
  std::size_t looks = 0;       // how many partitions were looked into

  void add(const core::TopicPartition& where, const std::string& value, std::int64_t timestamp_ms = 1'700'000'000'000) {
    auto& p = partitions[where];
    p.records[p.high++] = {std::nullopt, value, {}, core::from_epoch_ms(timestamp_ms)};
  }

  core::Result<std::vector<runtime::TopicInfo>> topics() override {
    std::map<std::string, std::int32_t> counts;
    for (const auto& [where, p] : partitions) ++counts[where.topic];
    std::vector<runtime::TopicInfo> out;
    for (const auto& [name, count] : counts) out.push_back({name, count, 1});
    return out;
  }
  core::Result<std::optional<runtime::TopicInfo>> topic(const std::string& name) override { return std::optional(runtime::TopicInfo{name, 1, 1}); }
  core::Result<std::map<std::string, std::string>> settings(const std::string&) override { return std::map<std::string, std::string>(); }
  core::Status<> create(std::span<const runtime::TopicSpec>) override { return core::Status<>::success(); }
  core::Result<std::string> cluster_id() override {
    if (!down.empty()) return core::Error{down};
    return id;
  }
  core::Result<std::vector<runtime::PartitionLook>> look_into(std::span<const runtime::LookAt> places, core::Millis) override {
    if (!down.empty()) return core::Error{down};
    std::vector<runtime::PartitionLook> out;
    for (const auto& place : places) {
      ++looks;
      const auto& p = partitions[place.where];
      runtime::PartitionLook look{{p.low}, {p.high}, {}};
      if (const auto why = trouble.find(place.where); why != trouble.end()) {
        out.push_back({{}, {}, {}, why->second});
        continue;
      }
      const auto found = p.records.find(place.record.value);
      if (found != p.records.end() && found->first >= p.low) look.record = found->second;
      out.push_back(std::move(look));
    }
    return out;
  }
};

}  // namespace hostler::testing
