// Questions and orders about offsets, as the consumer's control thread needs them: one blocking request each, bounded in
// time. Private to kafka/. Thread-safety: the control thread.
#pragma once

#include <map>
#include <span>
#include <string>

#include "core/host_config.h"
#include "core/result.h"
#include "core/types.h"
#include "kafka/client.h"

namespace hostler::kafka {

using Offsets = std::map<core::TopicPartition, core::Offset>;

class GroupOffsets {
 public:
  GroupOffsets(Client& client, core::Millis timeout) : client_(client), timeout_(timeout) {}

  // What the group committed; partitions without a committed offset are left out.
  core::Result<Offsets> committed(std::span<const core::TopicPartition> partitions);
  // Commits all or says what was refused. Waits for the answer.
  core::Status<> commit(const Offsets& offsets);
  // Where a partition begins or ends now.
  core::Result<core::Offset> edge(const core::TopicPartition& where, core::Start which);
  core::Result<std::int32_t> partition_count(const std::string& topic);

 private:
  Client& client_;
  const core::Millis timeout_;
};

[[nodiscard]] PartitionList to_list(const Offsets& offsets);

}  // namespace hostler::kafka
