// PostgreSQL from the test's side, on libpq. One connection belongs to one thread.
#pragma once

#include <memory>
#include <string>

#include "support/database.h"

struct pg_conn;

namespace hostler::testing {

class Postgres : public Database {
 public:
  // Connects to a postgresql:// URL; throws when that fails.
  explicit Postgres(const std::string& url);

  Rows query(const std::string& sql) override;

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  std::unique_ptr<pg_conn, Close> connection_;
};

// A schema of its own on the shared server (or the server at `server_url`): made now, dropped with the object.
class PostgresSchema {
 public:
  PostgresSchema();
  explicit PostgresSchema(std::string server_url);
  ~PostgresSchema();
  PostgresSchema(const PostgresSchema&) = delete;
  PostgresSchema& operator=(const PostgresSchema&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  // A URL whose connections live in this schema (search_path).
  [[nodiscard]] std::string url() const;
  [[nodiscard]] Postgres connect() const { return Postgres(url()); }

 private:
  std::string server_url_;
  std::string name_;
};

} // namespace hostler::testing
