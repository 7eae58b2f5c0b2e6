// A temporary folder that goes away with the object, unless HOSTLER_TEST_KEEP is set. Not thread-safe.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "support/env.h"

namespace hostler::testing {

class TempDir {
 public:
  TempDir() {
    std::string name = (scratch_dir() / "hostler-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder like " + name);
    path_ = name;
    std::filesystem::permissions(path_, std::filesystem::perms(0711)); // PostgreSQL may run as another user
  }
  ~TempDir() {
    std::error_code ignored;
    if (getenv("HOSTLER_TEST_KEEP") == nullptr) std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  // Writes a file below the folder, parents included, and returns its path.
  std::filesystem::path write(std::string_view name, std::string_view content) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary);
    out << content;
    if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
    return file;
  }

 private:
  std::filesystem::path path_;
};

} // namespace hostler::testing
