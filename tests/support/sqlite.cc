#include "support/sqlite.h"

#include <sqlite3.h>

#include <stdexcept>

namespace hostler::testing {

void Sqlite::Close::operator()(sqlite3* connection) const { sqlite3_close(connection); }

Sqlite::Sqlite(const std::filesystem::path& file) {
  sqlite3* connection = nullptr;
  const int status = sqlite3_open(file.c_str(), &connection);
  connection_.reset(connection);
  if (status != SQLITE_OK)
    throw std::runtime_error("cannot open " + file.string() + ": " + sqlite3_errmsg(connection));
  sqlite3_busy_timeout(connection, 10'000);
}

Rows Sqlite::query(const std::string& sql) {
  Rows rows;
  for (const char* rest = sql.c_str(); *rest != '\0';) {
    sqlite3_stmt* raw = nullptr;
    int status = sqlite3_prepare_v2(connection_.get(), rest, -1, &raw, &rest);
    const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(raw, &sqlite3_finalize);
    if (status == SQLITE_OK && raw == nullptr) continue; // blanks or a comment
    if (status == SQLITE_OK && sqlite3_column_count(raw) > 0) rows.clear();
    while (status == SQLITE_OK && (status = sqlite3_step(raw)) == SQLITE_ROW) {
      auto& row = rows.emplace_back();
      for (int column = 0; column < sqlite3_column_count(raw); ++column) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw, column));
        if (text == nullptr)
          row.emplace_back("NULL");
        else
          row.emplace_back(text, static_cast<std::size_t>(sqlite3_column_bytes(raw, column)));
      }
      status = SQLITE_OK;
    }
    if (status != SQLITE_OK && status != SQLITE_DONE)
      throw std::runtime_error(std::string(sqlite3_errmsg(connection_.get())) + " in: " + sql);
  }
  return rows;
}

} // namespace hostler::testing
