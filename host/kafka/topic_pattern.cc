#include "kafka/topic_pattern.h"

namespace hostler::kafka {

bool is_pattern(std::string_view topic) { return topic.find('*') != std::string_view::npos; }

std::string to_regex(std::string_view pattern) {
  if (pattern.starts_with('^')) return std::string(pattern);
  std::string regex = "^";
  for (const char c : pattern) {
    if (c == '*') {
      regex += ".*";
    } else {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      if (!plain) regex += '\\';
      regex += c;
    }
  }
  return regex + '$';
}

bool matches(std::string_view pattern, std::string_view topic) {
  // Greedy with one point of return: after a mismatch the last * takes one character more.
  constexpr auto none = std::string_view::npos;
  std::size_t p = 0, t = 0, star = none, resume = 0;
  while (t < topic.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == topic[t]) {
      ++p;
      ++t;
    } else if (star != none) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace hostler::kafka
