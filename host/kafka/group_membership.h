// Who this member is to its group right now. Private to kafka/. Thread-safety: any thread.
#pragma once

#include <cstdint>

#include "core/result.h"
#include "kafka/handles.h"

namespace hostler::kafka {

// Member id and generation, to be sent along with offsets, which the group's coordinator takes from its present members only. An error
// if the client is not a member: without id and generation the coordinator would take offsets from anybody.
[[nodiscard]] core::Result<GroupMetadataHandle> group_membership(rd_kafka_t* consumer);

// The generation in group metadata; -1: none, or this version of librdkafka writes it down in a way that is not known.
[[nodiscard]] std::int32_t generation_of(const rd_kafka_consumer_group_metadata_t* metadata);

}  // namespace hostler::kafka
