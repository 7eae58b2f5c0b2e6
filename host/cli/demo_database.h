// Reads what the demo's database holds when all is over. One thread.
#pragma once

#include "cli/demo_report.h"
#include "core/host_config.h"
#include "core/result.h"

namespace hostler::cli {

// Fills in the rows by state of each handler in `facts`, and what is found in each of its tables. No host may have the database open.
[[nodiscard]] core::Status<> read_database(const core::LedgerConfig& config, DemoFacts& facts);

} // namespace hostler::cli
