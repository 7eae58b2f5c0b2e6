// Puts side by side what a ledger remembers of partitions and what lies in the cluster now. Used when partitions are assigned and by the
// operators' commands. Thread-safety: any thread; blocks for questions to database and brokers.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/identity.h"
#include "core/result.h"
#include "runtime/admin.h"
#include "runtime/ledger_operations.h"

namespace hostler::runtime {

struct Asked {
  core::TopicPartition where;
  std::optional<core::Offset> committed;  // by the group
};

struct Compared {
  std::optional<core::MarkMemory> memory;  // empty: nobody has read it yet
  core::PartitionNow now;                  // edges and last record are looked at only where there is a memory
  std::optional<core::Refusal> refusal;
};

// In the order asked. The brokers are asked only about partitions that the ledger knows, and then for at most about `timeout`.
// An error means "not now".
[[nodiscard]] core::Result<std::vector<Compared>> compare(LedgerOperations& ledger, std::string_view service, Admin& admin, std::span<const Asked> partitions,
                                                          core::Millis timeout);

// The fingerprint of a record, as marks keep it.
[[nodiscard]] core::Fingerprint fingerprint_of(core::Offset offset, const LyingRecord& record);

}  // namespace hostler::runtime
