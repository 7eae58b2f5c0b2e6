// Looks at single records and at the edges of partitions, without a group: a client of its own that reads what it is asked for and ends.
// Used by the admin and by `hostler offsets`. Thread-safety: any thread; blocks.
#pragma once

#include <span>
#include <vector>

#include "core/result.h"
#include "core/types.h"
#include "kafka/admin.h"
#include "runtime/admin.h"

namespace hostler::kafka {

// See runtime::Admin::look_into.
core::Result<std::vector<runtime::PartitionLook>> look_into(const AdminOptions& options, std::span<const runtime::LookAt> places, core::Millis timeout);

// The first offset at or after a time, in the order asked; where no record is as late, the end.
core::Result<std::vector<core::Offset>> offsets_at(const AdminOptions& options, std::span<const core::TopicPartition> partitions, core::Timestamp time, core::Millis timeout);

}  // namespace hostler::kafka
