// The report of a host that is well, for tests to make it ill. Thread-safety: values.
#pragma once

#include "core/health.h"

namespace hostler::testing {

// One handler with one lane, behind by a few records and with retries that wait; one broker, one database.
[[nodiscard]] inline core::HostHealth healthy() {
  core::HostHealth health;
  health.name = "platform";
  core::HandlerHealth h;
  h.name = "user-service";
  h.timeout = core::Millis(30'000);
  h.source = {"users", true, "", 2, {{{"user-events", {0}}, {10}, 5, core::Millis(0), {}}}};
  h.retry = core::GroupHealth{"users.retry", true, "", 1, {{{"user-events.users.retry.1m", {0}}, {3}, 2, core::Millis(600'000), core::from_epoch_ms(1'700'000'000'000)}}};
  h.lanes = {{0, false, core::Millis(3), {}, {}, {}, ""}};
  health.handlers = {h};
  core::ClusterHealth c;
  c.asked = true;
  c.controller = 1;
  c.brokers = {{1, "localhost:9092", "", core::Millis(2)}};
  c.topics = {{"user-events", 6, 0, 0}};
  health.clusters = {c};
  health.ledgers = {{"", true, "", core::Millis(1)}};
  return health;
}

}  // namespace hostler::testing
