// Migration files: those in the program and those of a handler's folder. Private to store/. Thread-safe.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "runtime/sql.h"
#include "store/migrator.h"

namespace hostler::store {

struct EmbeddedFile {
  std::string_view dialect;  // "postgresql", "sqlite"
  std::string_view name;
  std::string_view sql;
};
// Generated from migrations/ when the program is built; sorted.
[[nodiscard]] std::span<const EmbeddedFile> embedded_files();

[[nodiscard]] std::vector<Migration> own_migrations(runtime::SqlDialect dialect);
// Errors: no such folder, nothing in it, a .sql file that is not called 0001_name.sql, two with one number.
core::Result<std::vector<Migration>> read_migrations(const std::string& owner, const std::filesystem::path& folder, runtime::SqlDialect dialect);

[[nodiscard]] std::string sha256_hex(std::string_view bytes);
// 1 for the first line.
[[nodiscard]] std::size_t line_of(std::string_view text, std::size_t byte);

}  // namespace hostler::store
