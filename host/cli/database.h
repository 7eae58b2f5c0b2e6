// The ledger's database as the commands see it: reached or not, what is pending. Used by `check` and `ledger migrate`.
// Thread-safety: one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/host_config.h"
#include "core/result.h"
#include "store/migrator.h"

namespace hostler::cli {

struct DatabaseError {
  bool unreachable =
      false; // the database does not answer; else something is wrong with the configuration or in it
  std::string message; // without passwords
};

// [ledger] (if it has a url) and every one of [ledgers.NAME].
struct Database {
  std::string name; // empty: [ledger]
  const core::LedgerConfig* config = nullptr;
  [[nodiscard]] std::string title() const { return name.empty() ? "[ledger]" : "[ledgers." + name + "]"; }
};
[[nodiscard]] std::vector<Database> databases_of(const core::HostConfig& config);

// A migrator that knows the host's migrations and those of every handler on this database, enabled or not; the database has
// answered. `look_only`: an SQLite file that does not exist is not created, an empty one stands in for it.
[[nodiscard]] core::Result<std::unique_ptr<store::Migrator>, DatabaseError> open_database(
    const core::HostConfig& config, const Database& database, bool look_only);

} // namespace hostler::cli
