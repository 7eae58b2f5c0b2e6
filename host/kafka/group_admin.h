// A group's offsets, asked for and set from outside of the group. Used by `check` and `hostler offsets`; every call blocks for at most
// about twice the options' time-out. Thread-safety: any thread.
#pragma once

#include <map>
#include <string>

#include "core/result.h"
#include "core/types.h"
#include "kafka/admin.h"

namespace hostler::kafka {

// What the group committed; empty for a group that does not exist. Errors: not allowed, not reached.
[[nodiscard]] core::Result<std::map<core::TopicPartition, core::Offset>> committed_offsets(const AdminOptions& options, const std::string& group);

enum class OffsetsSet : std::uint8_t { done, group_in_use };
// Commits for a group that has no members; else nothing is done.
[[nodiscard]] core::Result<OffsetsSet> set_offsets(const AdminOptions& options, const std::string& group, const std::map<core::TopicPartition, core::Offset>& offsets);

}  // namespace hostler::kafka
