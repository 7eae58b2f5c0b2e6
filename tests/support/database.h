// What tests ask of a database, whichever it is. One connection belongs to one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hostler::testing {

// Every value as the database prints it; SQL NULL is "NULL".
using Rows = std::vector<std::vector<std::string>>;

class Database {
 public:
  virtual ~Database() = default;

  // Runs one or more statements and returns the rows of the last one that has any. Throws with the database's message.
  virtual Rows query(const std::string& sql) = 0;

  void exec(const std::string& sql) { query(sql); }
  // The first column of the first row; "" when there is no row.
  [[nodiscard]] std::string value(const std::string& sql) {
    const Rows rows = query(sql);
    return rows.empty() ? "" : rows.front().front();
  }
  [[nodiscard]] long long number(const std::string& sql) { return std::stoll(value(sql)); }
};

} // namespace hostler::testing
