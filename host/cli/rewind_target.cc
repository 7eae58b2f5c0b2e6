#include "cli/rewind_target.h"

#include <charconv>
#include <chrono>

namespace hostler::cli {
namespace {

// Takes exactly `digits` digits off the front of text.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || end != text.data() + digits || text.front() == '-') return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// "T10:00", "T10:00:00", "T10:00:00.000"; empty is midnight.
std::optional<core::Millis> parse_time_of_day(std::string_view text) {
  if (text.empty()) return core::Millis(0);
  if (!take(text, 'T')) return std::nullopt;
  const auto hours = take_number(text, 2);
  const auto minutes = hours && take(text, ':') ? take_number(text, 2) : std::nullopt;
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  core::Millis time = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  if (take(text, ':')) {
    const auto seconds = take_number(text, 2);
    if (!seconds || *seconds > 59) return std::nullopt;
    time += std::chrono::seconds(*seconds);
    if (take(text, '.')) {
      const auto millis = take_number(text, 3);
      if (!millis) return std::nullopt;
      time += core::Millis(*millis);
    }
  }
  if (!take(text, 'Z') || !text.empty()) return std::nullopt;  // what other clocks say would be guessed
  return time;
}

std::optional<core::Timestamp> parse_time(std::string_view text) {
  const auto year = take_number(text, 4);
  const auto month = year && take(text, '-') ? take_number(text, 2) : std::nullopt;
  const auto day = month && take(text, '-') ? take_number(text, 2) : std::nullopt;
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)), std::chrono::day(static_cast<unsigned>(*day))};
  const auto time = parse_time_of_day(text);
  if (!date.ok() || !time) return std::nullopt;
  return core::Timestamp(std::chrono::sys_days(date)) + *time;
}

}  // namespace

std::optional<RewindTarget> parse_rewind_target(std::string_view text) {
  using Kind = RewindTarget::Kind;
  if (text == "earliest") return RewindTarget{Kind::earliest, {}, {}};
  if (text == "latest") return RewindTarget{Kind::latest, {}, {}};
  if (text.starts_with('@')) {
    const auto time = parse_time(text.substr(1));
    return time ? std::optional(RewindTarget{Kind::time, {}, *time}) : std::nullopt;
  }
  std::int64_t offset = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
  if (error != std::errc() || end != text.data() + text.size() || offset < 0) return std::nullopt;
  return RewindTarget{Kind::offset, {offset}, {}};
}

}  // namespace hostler::cli
