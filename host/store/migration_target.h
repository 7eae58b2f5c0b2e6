// What the migrator needs of a database. Private to store/. Thread-safety: one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/types.h"
#include "store/migrator.h"
#include "store/pg_access.h"

namespace hostler::store {

struct JournalRow {
  std::string owner, name, checksum;
};

class MigrationTarget {
 public:
  virtual ~MigrationTarget() = default;
  // Empty if there is no journal yet. Changes nothing.
  virtual core::Result<std::vector<JournalRow>> journal() = 0;
  // Keeps other migrators out until unlock(), and creates the journal. Waits for one that works.
  virtual core::Status<> lock() = 0;
  virtual void unlock() = 0;
  // The file and its journal row, or neither. The message names file:line where it can.
  virtual core::Status<> apply(const Migration& migration) = 0;
};

std::unique_ptr<MigrationTarget> make_pg_target(std::shared_ptr<const PgAccess> access);
std::unique_ptr<MigrationTarget> make_sqlite_target(std::string path, core::Millis busy_timeout);

}  // namespace hostler::store
