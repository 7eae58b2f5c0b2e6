// The three statements of every batch, for PgPipeline, so that they share round trips: BEGIN with the claim, the fence with the handler's statements.
// Everything else goes through SOCI (pg_statements). Private to store/. Thread-safety: one thread, the session's.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "runtime/ledger.h"
#include "store/pg_pipeline.h"

namespace hostler::store {

class PgHotPath {
 public:
  [[nodiscard]] static PgPipeline::Own begin() { return {"BEGIN ISOLATION LEVEL READ COMMITTED", {}}; }
  // Claims the ids at `order` (sorted, no twins); the rows affected are the ids claimed. Valid until the next call.
  PgPipeline::Own claim(std::string_view service, std::span<const runtime::IdRow> ids, std::span<const std::size_t> order);
  // One row affected: the mark was where its owner believes, and is held. Valid until the next call.
  PgPipeline::Own fence(std::string_view service, const runtime::MarkMove& move);

 private:
  std::string service_, ids_, types_, topics_, partitions_, offsets_, type_, topic_, numbers_;
};

}  // namespace hostler::store
