// Reads a shared library's ELF tables without trusting one byte of them: dlopen kills the process for most truncated files, so
// that every table and segment lies inside the file is checked before. Thread-safety: pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"

namespace hostler::plugin {

inline constexpr const char* entry_name = "hostler_plugin_entry_v1";

struct ElfFacts {
  std::string machine;              // "x86-64, 64 bit"
  std::string build_id;             // hex; empty if it has none
  std::string soname, runpath;      // mostly empty
  std::vector<std::string> needed;  // libraries it depends on
  std::vector<std::string> exports; // what it defines for others, sorted
};

// A library that this machine could load. The error has reason and mend, without the path.
[[nodiscard]] core::Result<ElfFacts> read_elf(std::span<const std::uint8_t> file);

// It exports its entry and nothing else. The error has reason and mend, without the path.
[[nodiscard]] core::Status<> check_exports(const ElfFacts& elf);

} // namespace hostler::plugin
