// What a database says of itself, for `check`: asked, never changed. Thread-safety: one thread; blocks for a few round trips.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/host_config.h"
#include "core/result.h"

namespace hostler::store {

struct DatabaseFacts {
  std::string version;                 // "PostgreSQL 15.14", "SQLite 3.40.1"
  std::string not_writable;            // why nothing can be written there; empty if it can
  std::string cannot_create;           // why migrations would fail; empty if they would not
  // PostgreSQL only:
  std::optional<std::int64_t> sessions_allowed;  // at once, for this role: the server's limit without what is reserved, and the role's
  std::int64_t sessions_in_use = 0;              // by others, now
  std::string limited_by;                        // "max_connections" or "the role's CONNECTION LIMIT"
};

// Errors: the database is not reached, or does not answer these questions. No message holds a password. An SQLite file that does
// not exist is not created: its folder is looked at.
[[nodiscard]] core::Result<DatabaseFacts> ask_database(const core::LedgerConfig& config);

}  // namespace hostler::store
