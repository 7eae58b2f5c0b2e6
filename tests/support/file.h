// Files as tests read them. Thread-safety: any thread.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace hostler::testing {

// The whole file, byte for byte; empty if it cannot be read.
[[nodiscard]] inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace hostler::testing
