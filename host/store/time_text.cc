#include "store/time_text.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace hostler::store {
namespace {

namespace c = std::chrono;
constexpr auto first_day = c::sys_days(c::year(1) / 1 / 1);
constexpr auto end_day = c::sys_days(c::year(10000) / 1 / 1);

// Takes exactly `digits` digits off the front.
bool take(std::string_view& text, std::size_t digits, unsigned& out) {
  if (text.size() < digits) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, out);
  if (error != std::errc() || end != text.data() + digits) return false;
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// "+02", "-03:30", "+05:53:28"; nothing is UTC.
std::optional<c::seconds> take_offset(std::string_view& text) {
  if (text.empty()) return c::seconds(0);
  const bool west = text.starts_with('-');
  if (!west && !text.starts_with('+')) return std::nullopt;
  text.remove_prefix(1);
  unsigned h = 0, m = 0, s = 0;
  if (!take(text, 2, h) || (take(text, ':') && !take(text, 2, m)) || (take(text, ':') && !take(text, 2, s))) return std::nullopt;
  const c::seconds offset = c::hours(h) + c::minutes(m) + c::seconds(s);
  return west ? -offset : offset;
}

}  // namespace

bool writable_time(std::int64_t microseconds) {
  const auto t = c::sys_time<c::microseconds>(c::microseconds(microseconds));
  return t >= first_day && t < end_day;
}

std::string time_text(std::int64_t microseconds) {
  const auto t = c::sys_time<c::microseconds>(c::microseconds(microseconds));
  const auto day = c::floor<c::days>(t);
  const c::year_month_day date(day);
  const c::hh_mm_ss time(t - day);
  char buffer[64];
  const int n = std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02u %02d:%02d:%02d.%06d", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                              static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                              static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return {buffer, static_cast<std::size_t>(n)};
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, fraction = 0;
  if (!take(text, 4, year) || !take(text, '-') || !take(text, 2, month) || !take(text, '-') || !take(text, 2, day)) return std::nullopt;
  if (!take(text, ' ') || !take(text, 2, hour) || !take(text, ':') || !take(text, 2, minute) || !take(text, ':') || !take(text, 2, second)) return std::nullopt;
  if (take(text, '.')) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0 || digits > 6 || !take(text, digits, fraction)) return std::nullopt;
    for (std::size_t i = digits; i < 6; ++i) fraction *= 10;
  }
  const auto offset = take_offset(text);
  const c::year_month_day date{c::year(static_cast<int>(year)), c::month(month), c::day(day)};
  if (!offset || !text.empty() || !date.ok()) return std::nullopt;
  const auto t = c::sys_time<c::microseconds>(c::sys_days(date)) + c::hours(hour) + c::minutes(minute) + c::seconds(second) + c::microseconds(fraction) - *offset;
  return t.time_since_epoch().count();
}

}  // namespace hostler::store
