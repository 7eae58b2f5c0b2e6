// The interview platform in one test: its topics under the test's own prefix, its services as configuration.
// One object belongs to one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/demo_reference.h"
#include "flow/host_fixture.h"

namespace hostler::e2e {

using namespace hostler::flow;

// Which topics each service reads, by their names without the test's prefix.
inline const cli::Subscriptions& subscriptions() {
  static const cli::Subscriptions all = {
      {"user-service", {"user-events", "auth-events", "media-events"}},
      {"interview-service", {"user-events", "interview-events"}},
      {"analytics-service", {"user-events", "interview-events", "media-events", "auth-events"}}};
  return all;
}

inline std::string group_of(const World& world, const std::string& service) {
  return world.name(service + "-group");
}

// [[handler]] of a service as in conf/interview-platform.toml, with delays of seconds.
inline HandlerToml service_toml(const World& world, const std::string& service) {
  std::vector<std::string> topics;
  for (const auto& topic : subscriptions().at(service)) topics.push_back(world.name(topic));
  return HandlerToml()
      .text("name", service)
      .text("plugin", "interview.so")
      .text("handler", "interview." + service)
      .set("topics", toml_list(topics))
      .text("group", group_of(world, service))
      .text("start", "earliest")
      .text("event_id", "json:/eventId")
      .text("event_type", "json:/eventType")
      .text("migrations", HOSTLER_PLUGIN_DIR "/interview/migrations")
      .set("retry.delays", R"(["1s", "2s", "4s"])")
      .text("dead_letter.topic", "{topic}-dlq")
      .set("config.fault_injection", "true");
}

} // namespace hostler::e2e
