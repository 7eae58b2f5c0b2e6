// SQLite from the test's side. One connection belongs to one thread.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "support/database.h"

struct sqlite3;

namespace hostler::testing {

class Sqlite : public Database {
 public:
  // Opens the file, made when missing; waits up to 10 s for locks of others. Throws when that fails.
  explicit Sqlite(const std::filesystem::path& file);

  Rows query(const std::string& sql) override;

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  std::unique_ptr<sqlite3, Close> connection_;
};

} // namespace hostler::testing
