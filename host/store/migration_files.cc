#include "store/migration_files.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "store/uuid_text.h"

namespace hostler::store {
namespace {

std::string_view folder_of(runtime::SqlDialect dialect) { return dialect == runtime::SqlDialect::postgresql ? "postgresql" : "sqlite"; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// 0001_name.sql
bool well_named(const std::string& name) {
  return name.size() > 9 && std::all_of(name.begin(), name.begin() + 4, is_digit) && name[4] == '_' && name.ends_with(".sql");
}

Migration make(std::string owner, std::string name, std::string file, std::string sql) {
  std::string checksum = sha256_hex(sql);
  return {std::move(owner), std::move(name), std::move(file), std::move(sql), std::move(checksum)};
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) throw std::runtime_error("SHA-256 is not available in libcrypto");
  std::string out;
  append_hexed({reinterpret_cast<const char*>(digest.data()), size}, out);
  return out;
}

std::size_t line_of(std::string_view text, std::size_t byte) {
  const auto before = text.substr(0, byte);
  return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

std::vector<Migration> own_migrations(runtime::SqlDialect dialect) {
  std::vector<Migration> out;
  for (const EmbeddedFile& f : embedded_files())
    if (f.dialect == folder_of(dialect))
      out.push_back(make("hostler", std::string(f.name), "migrations/" + std::string(f.dialect) + "/" + std::string(f.name), std::string(f.sql)));
  return out;
}

core::Result<std::vector<Migration>> read_migrations(const std::string& owner, const std::filesystem::path& folder, runtime::SqlDialect dialect) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path special = folder / folder_of(dialect);
  const fs::path from = fs::is_directory(special, error) ? special : folder;
  const std::string of = "the migrations of handler " + owner + ": ";
  std::vector<fs::path> files;
  for (fs::directory_iterator it(from, error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".sql") files.push_back(it->path());
  if (error) return core::Error{of + from.string() + ": " + error.message()};
  if (files.empty()) return core::Error{of + from.string() + " holds no .sql file; they are called 0001_name.sql"};
  std::sort(files.begin(), files.end());

  std::vector<Migration> out;
  for (const fs::path& path : files) {
    const std::string name = path.filename().string();
    if (!well_named(name)) return core::Error{of + path.string() + " must be called 0001_name.sql: four digits, an underscore, a name"};
    if (!out.empty() && out.back().name.substr(0, 4) == name.substr(0, 4))
      return core::Error{of + path.string() + " has the same number as " + out.back().name + ": renumber the newer one"};
    std::ifstream in(path, std::ios::binary);
    std::string sql{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!in) return core::Error{of + path.string() + " cannot be read"};
    if (sql.find('\0') != std::string::npos) return core::Error{of + path.string() + " holds a NUL byte: it is not SQL text"};
    out.push_back(make(owner, name, path.string(), std::move(sql)));
  }
  return out;
}

}  // namespace hostler::store
