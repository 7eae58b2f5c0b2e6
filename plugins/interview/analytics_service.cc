#include "analytics_service.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace interview {
namespace {

// The day in UTC: 2026-01-31
std::string day_of(std::int64_t time_ms) {
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(
      std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(time_ms))));
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date.year()),
                                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return {text.data(), static_cast<std::size_t>(length)};
}

} // namespace

// All that the platform writes.
std::span<const Rule<AnalyticsService>> AnalyticsService::rules() {
  static constexpr auto all = [] {
    std::array<Rule<AnalyticsService>, platform_types.size()> same{};
    for (std::size_t i = 0; i < same.size(); ++i) same[i] = {platform_types[i], &AnalyticsService::count};
    return same;
  }();
  return all;
}

// Adding one is right in any order, and the host runs it once per event.
void AnalyticsService::count(const Event& event, hostler::Context& ctx) const {
  ctx.sql().enqueue(
      "INSERT INTO user_activity(user_id, day, event_type, events) VALUES ($1, $2, $3, 1) "
      "ON CONFLICT (user_id, day, event_type) DO UPDATE SET events = user_activity.events + 1",
      event.user_id(), day_of(event.time_ms()), event.type());
}

} // namespace interview
