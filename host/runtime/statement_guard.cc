// runtime::refused_statement: which statements of a handler would end or change the transaction.
//
// The two databases read comments differently (PostgreSQL nests /* */ and ends -- at a carriage return, SQLite neither), and the
// statement must be refused if either would take it: all readings are tried.
#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "runtime/ledger.h"

namespace hostler::runtime {
namespace {

constexpr std::array<std::string_view, 13> refused = {"BEGIN",   "START",   "COMMIT", "END",   "ROLLBACK", "ABORT", "SAVEPOINT",
                                                      "RELEASE", "PREPARE", "SET",    "RESET", "DISCARD",  "COPY"};

struct Reading {
  bool nested_comments;
  bool carriage_return_ends_line;
};

// The text after a comment that starts at `sql`; empty if it never ends.
std::string_view after_comment(std::string_view sql, Reading reading) {
  if (sql[0] == '-') {
    const auto end = sql.find_first_of(reading.carriage_return_ends_line ? "\r\n" : "\n");
    return end == std::string_view::npos ? std::string_view() : sql.substr(end);
  }
  std::size_t depth = 1, i = 2;
  while (i < sql.size() && depth > 0) {
    const auto two = sql.substr(i, 2);
    if (two == "*/") --depth;
    else if (two == "/*" && reading.nested_comments) ++depth;
    i += two == "*/" || (two == "/*" && reading.nested_comments) ? 2 : 1;
  }
  return sql.substr(std::min(i, sql.size()));
}

std::string_view first_word(std::string_view sql, Reading reading) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";  // SQLite takes it for a blank
  while (!sql.empty()) {
    if (std::string_view(" \t\r\n\f\v(;").find(sql[0]) != std::string_view::npos) sql.remove_prefix(1);
    else if (sql.starts_with(byte_order_mark)) sql.remove_prefix(byte_order_mark.size());
    else if (sql.starts_with("--") || sql.starts_with("/*")) sql = after_comment(sql, reading);
    else break;
  }
  std::size_t n = 0;
  while (n < sql.size() && (std::isalnum(static_cast<unsigned char>(sql[n])) != 0 || sql[n] == '_')) ++n;
  return sql.substr(0, n);
}

bool same_word(std::string_view a, std::string_view upper) {
  return std::equal(a.begin(), a.end(), upper.begin(), upper.end(),
                    [](char x, char y) { return std::toupper(static_cast<unsigned char>(x)) == y; });
}

}  // namespace

std::string_view refused_statement(std::string_view sql) {
  for (const bool nested : {true, false})
    for (const bool carriage_return : {true, false}) {
      const auto word = first_word(sql, {nested, carriage_return});
      for (const auto r : refused)
        if (same_word(word, r)) return r;
    }
  return {};
}

}  // namespace hostler::runtime
