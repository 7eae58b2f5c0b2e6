// Where a group's partitions start, first of all in a group that has never committed. Private to kafka/.
//
// `start` counts for the partitions that exist when the group first meets a topic; later ones are read from their beginning.
// Members agree on which is which without talking: as long as no partition of a topic has a committed offset, only
// the owner of its partition 0 acts: it resolves all partitions of the topic, also those of other members, and commits them
// in one request. The others wait until they see it. Where somebody remembers how far a partition was settled (its committed offset
// has expired), it goes on there. Thread-safety: the control thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/host_config.h"
#include "core/result.h"
#include "core/types.h"
#include "kafka/group_offsets.h"

namespace hostler::kafka {

// Why there is no answer yet.
struct NotYet {
  std::string why;
  bool other_member = false;  // it is another member's turn, which is quick
};

class StartResolver {
 public:
  // See runtime::Assignments::remembered.
  using Remembered = std::function<core::Result<std::vector<std::optional<core::Offset>>>(std::span<const core::TopicPartition>)>;
  StartResolver(GroupOffsets& offsets, core::Start start, Remembered remembered) : offsets_(offsets), start_(start), remembered_(std::move(remembered)) {}

  // A committed offset for each of `assigned`, and maybe of other partitions.
  core::Result<Offsets, NotYet> resolve(std::span<const core::TopicPartition> assigned);
  // The assignment has ended: another owner of partition 0 may act now.
  void forget() { unconfirmed_.clear(); }

 private:
  core::Result<Offsets, NotYet> open_topic(const std::string& topic, std::span<const core::TopicPartition> assigned);
  core::Result<Offsets> starts_of(std::span<const core::TopicPartition> partitions, core::Start otherwise);

  GroupOffsets& offsets_;
  const core::Start start_;
  const Remembered remembered_;
  // By topic: starts whose commit was not confirmed. A second try commits the same, so that "latest" does not move on.
  std::map<std::string, Offsets> unconfirmed_;
};

}  // namespace hostler::kafka
