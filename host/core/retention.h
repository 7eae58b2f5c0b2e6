// How long what records leave behind is kept. Pure; thread-safe.
#pragma once

#include <algorithm>
#include <chrono>

#include "core/host_config.h"
#include "core/types.h"

namespace hostler::core {

// Of a retry topic that the host creates: ten delays, so that a copy outlives an outage, and at least a week.
[[nodiscard]] inline Millis tier_retention(const Delay& delay) { return std::max<Millis>(std::chrono::hours(24 * 7), delay.duration * 10); }

// Of the ledger's row of a dead record. As long as the letter may be replayed (or, if that is longer, as settled records are remembered), and as
// long beyond as the copy of a replay may lie in the first tier: without the row it would be taken for a duplicate.
[[nodiscard]] inline Millis dead_row_retention(const HandlerConfig& handler, const LedgerConfig& ledger) {
  const Millis replay = tier_retention(handler.retry.delays.empty() ? Delay{} : handler.retry.delays.front());
  return std::max(handler.dead_letter.retention, ledger.retention) + replay;
}

}  // namespace hostler::core
