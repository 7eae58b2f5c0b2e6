// analytics_service.h - handler interview.analytics-service: the table user_activity, events per user, day and event type.
#pragma once

#include "service.h"

namespace interview {

class AnalyticsService : public Service<AnalyticsService> {
 public:
  using Service::Service;

 private:
  friend Service<AnalyticsService>;
  static std::span<const Rule<AnalyticsService>> rules();
  void count(const Event& event, hostler::Context& ctx) const;
};

} // namespace interview
