// The include rule of the repository as a table, and the check of a file's text against it. Pure; safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hostler::testing {

struct Violation {
  std::string place; // file:line
  std::string include;
  std::string rule; // what is broken, and what is allowed instead
};

// Checks every #include of one file. `path` is relative to the repository root and decides which rules apply; files
// outside host/, plugins/ and plugin-api/ have none.
[[nodiscard]] std::vector<Violation> check_includes(std::string_view path, std::string_view text);

} // namespace hostler::testing
