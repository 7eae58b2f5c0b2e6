#include "kafka/start_resolver.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <vector>

namespace hostler::kafka {

core::Result<Offsets, NotYet> StartResolver::resolve(std::span<const core::TopicPartition> assigned) {
  auto committed = offsets_.committed(assigned);
  if (!committed) return NotYet{committed.error().message};

  std::set<std::string> unopened;
  for (const auto& where : assigned) {
    if (!committed->contains(where) || unconfirmed_.contains(where.topic)) unopened.insert(where.topic);
  }
  // Every topic gets its turn before an error is returned: two members may each wait for what the other one owns.
  std::optional<NotYet> waiting;
  for (const std::string& topic : unopened) {
    auto starts = open_topic(topic, assigned);
    if (starts) {
      committed->merge(*starts);
    } else {
      waiting = starts.error();
    }
  }
  for (const auto& where : assigned) {
    if (!waiting && !committed->contains(where)) waiting = NotYet{"the brokers do not know " + where.topic + " [" + std::to_string(where.partition.value) + "] yet"};
  }
  if (waiting) return *waiting;
  return std::move(*committed);
}

// Committed starts of the topic's partitions: all of them if this member opened the topic, else its own.
core::Result<Offsets, NotYet> StartResolver::open_topic(const std::string& topic, std::span<const core::TopicPartition> assigned) {
  const auto count = offsets_.partition_count(topic);
  if (!count) return NotYet{count.error().message};
  std::vector<core::TopicPartition> all;
  for (std::int32_t p = 0; p < *count; ++p) all.push_back({topic, {p}});
  auto committed = offsets_.committed(all);
  if (!committed) return NotYet{committed.error().message};

  Offsets starts;
  const auto planned = unconfirmed_.find(topic);
  if (planned != unconfirmed_.end()) {
    starts = planned->second;
    for (const auto& [where, offset] : *committed) starts.erase(where);
  } else if (!committed->empty()) {
    std::vector<core::TopicPartition> later;
    std::copy_if(assigned.begin(), assigned.end(), std::back_inserter(later),
                 [&](const auto& where) { return where.topic == topic && !committed->contains(where); });
    auto beginnings = starts_of(later, core::Start::earliest);
    if (!beginnings) return NotYet{beginnings.error().message};
    starts = std::move(*beginnings);
  } else if (std::find(assigned.begin(), assigned.end(), core::TopicPartition{topic, {0}}) == assigned.end()) {
    return NotYet{"waiting for the owner of " + topic + " [0] to commit where the group starts", true};
  } else {
    auto resolved = starts_of(all, start_);
    if (!resolved) return NotYet{resolved.error().message};
    unconfirmed_[topic] = starts = std::move(*resolved);
  }

  if (const auto done = offsets_.commit(starts); !done) return NotYet{done.error().message};
  unconfirmed_.erase(topic);
  committed->merge(starts);
  return std::move(*committed);
}

core::Result<Offsets> StartResolver::starts_of(std::span<const core::TopicPartition> partitions, core::Start otherwise) {
  const auto remembered = remembered_(partitions);
  if (!remembered) return remembered.error();
  Offsets found;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    if ((*remembered)[i]) {
      found[partitions[i]] = *(*remembered)[i];
      continue;
    }
    const auto edge = offsets_.edge(partitions[i], otherwise);
    if (!edge) return edge.error();
    found[partitions[i]] = *edge;
  }
  return found;
}

}  // namespace hostler::kafka
