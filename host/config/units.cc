#include "config/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace hostler::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t millis;
};
constexpr std::array<Unit, 6> units = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

// Digits, then the rest. At most 12 digits, so that no unit overflows.
std::optional<std::pair<std::int64_t, std::string_view>> split_number(std::string_view text) {
  constexpr std::size_t most_digits = 12;
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > most_digits) return std::nullopt;
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + digits, number);
  return std::pair(number, text.substr(digits));
}

} // namespace

std::optional<core::Millis> parse_duration(std::string_view text) {
  const auto split = split_number(text);
  if (!split) return std::nullopt;
  for (const Unit& unit : units) {
    if (unit.name == split->second) return core::Millis(split->first * unit.millis);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto split = split_number(text);
  if (!split) return std::nullopt;
  const auto number = static_cast<std::uint64_t>(split->first);
  const std::string_view unit = split->second;
  if (unit.empty()) return number;
  if (unit == "K") return number << 10U;
  if (unit == "M") return number << 20U;
  if (unit == "G" && number < (1ULL << 33U)) return number << 30U;
  return std::nullopt;
}

std::string show(core::Millis duration) {
  std::int64_t number = duration.count();
  std::string_view name = "ms";
  for (const Unit& unit : units) {
    if (unit.name == "min" || duration.count() == 0 || duration.count() % unit.millis != 0) continue;
    number = duration.count() / unit.millis;
    name = unit.name;
  }
  return std::to_string(number) + std::string(name);
}

std::string show_size(std::uint64_t bytes) {
  constexpr std::uint64_t kilo = 1024;
  std::string_view unit;
  for (const std::string_view larger : {"K", "M", "G"}) {
    if (bytes == 0 || bytes % kilo != 0) break;
    bytes /= kilo;
    unit = larger;
  }
  return std::to_string(bytes) + std::string(unit);
}

} // namespace hostler::config
