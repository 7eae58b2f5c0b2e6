// The demo's last word: does everything add up? Compares, for each handler, what was produced with what the host reported, what the
// reference expects, what the database holds and what lies in the dead-letter topics. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/demo_letters.h"
#include "cli/demo_reference.h"
#include "cli/demo_stats.h"

namespace hostler::cli {

// What was found about one handler when all was over.
struct HandlerFacts {
  std::string name;
  std::uint64_t produced = 0;                     // records in its topics
  HandlerCounts counts;                           // as the host reported them
  ServiceOutcome expected;                        // as the reference works them out
  std::map<std::string, std::uint64_t> ids;       // rows of processed_events, by state
  std::map<std::string, std::uint64_t> delegated; // rows of hostler_delegated, by state
};

struct TableFacts {
  std::string name;
  TableRows expected, found; // sorted
};

struct DemoFacts {
  std::vector<HandlerFacts> handlers;
  std::vector<TableFacts> tables;
  std::vector<ExpectedLetter> expected_letters;
  std::vector<DeadLetter> letters;
};

struct DemoReport {
  std::vector<std::string> lines;       // to be printed
  std::vector<std::string> differences; // also among the lines; empty if everything adds up
  [[nodiscard]] bool adds_up() const { return differences.empty(); }
};

[[nodiscard]] DemoReport make_report(const DemoFacts& facts);

// What differs between the letters that should be there and those that are, in words; at most `most` of each kind.
[[nodiscard]] std::vector<std::string> compare_letters(const std::vector<ExpectedLetter>& expected,
                                                       const std::vector<DeadLetter>& found,
                                                       std::size_t most = 5);
// The same for sorted rows of a table.
[[nodiscard]] std::vector<std::string> compare_rows(const std::string& table, const TableRows& expected,
                                                    const TableRows& found, std::size_t most = 5);

} // namespace hostler::cli
