// Brings a database to the tables this program and its handlers need: numbered SQL files, forward only, each applied once in a
// transaction of its own, with the SHA-256 of its content kept in the journal table `hostler_migration`. Two hosts may call apply() at
// once: one works, the other waits and finds nothing to do. Used by `hostler ledger migrate`, `check`, the demo and tests.
// Thread-safety: one thread at a time.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/host_config.h"
#include "core/result.h"
#include "runtime/ledger.h"
#include "store/open_ledger.h"

namespace hostler::store {

struct Migration {
  std::string owner;     // "hostler", or the handler's name
  std::string name;      // file name: 0001_name.sql
  std::string file;      // where it came from, for messages
  std::string sql;
  std::string checksum;  // SHA-256, hex
};

class Migrator {
 public:
  virtual ~Migrator() = default;

  // Adds a handler's own migrations, 0001_name.sql and so on, from `folder`/postgresql or `folder`/sqlite if there is such a folder, else
  // from `folder` itself. Applied after the host's own ones, in order of the calls.
  virtual core::Status<> add_folder(const std::string& owner, const std::filesystem::path& folder) = 0;

  // What apply() would do, in order. Changes nothing; a database without tables is one where all is pending. Errors: an applied file was edited or is
  // gone, a file is new but numbered below an applied one, the database cannot be reached.
  virtual core::Result<std::vector<Migration>> plan() = 0;

  // Applies what is pending and returns it. A failing file changes nothing, those before it stay; the message names file:line of the
  // statement where the database says so.
  virtual core::Result<std::vector<Migration>> apply() = 0;
};

// The host's own migrations are in the program. Errors as open_ledger; the database is reached by plan() and apply() only.
core::Result<std::unique_ptr<Migrator>> open_migrator(const core::LedgerConfig& config, const LedgerOptions& options = {});

}  // namespace hostler::store
