// service.h - what the three services share: configuration, and the way from a record to the rule of its event type.
//
// A service is a table of rules, one per event type, and nothing else. Constant after construction; any thread.
#pragma once

#include <hostler/plugin.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "event.h"

namespace interview {

struct Settings {
  bool fault_injection = false; // obey simulateFailures in events: for demonstrations and tests
};

// Throws hostler::Error, naming the key.
[[nodiscard]] Settings read_settings(std::string_view config);

// The failure that an event asks for at this attempt, if it does.
[[nodiscard]] std::optional<hostler::Verdict> simulated_failure(const Event& event, std::uint32_t attempt);

// A null value says that from when it was written nothing is known of the user of its key. Throws Invalid.
struct Tombstone {
  explicit Tombstone(const hostler::Record& record);
  std::string_view user_id;
  std::string stamp;
};

// What to do with events of one type: enqueues statements, or throws Invalid.
template <class S>
struct Rule {
  std::string_view event_type;
  void (S::*apply)(const Event&, hostler::Context&) const;
};

// Base of a service S, which has `static std::span<const Rule<S>> rules()` and, if it keeps anything of users,
// `void erase(std::string_view user_id, std::string_view stamp, hostler::Context&) const`.
template <class S>
class Service {
 public:
  explicit Service(std::string_view config) : settings_(read_settings(config)) {}
  static void validate_config(std::string_view config) { (void)read_settings(config); }
  static constexpr std::string_view config_schema = R"({
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
      "fault_injection": {
        "type": "boolean", "default": false,
        "description": "Obey simulateFailures and simulateReason in events. For demonstrations and tests only."
      }
    },
    "additionalProperties": false
  })";

  hostler::Verdict on_record(const hostler::Record& record, hostler::Context& ctx) const {
    try {
      return record.is_tombstone() ? bury(Tombstone(record), ctx)
                                   : apply(Event(record), record.attempt(), ctx);
    } catch (const Invalid& e) { return hostler::reject(e.what(), 422); }
  }

 private:
  hostler::Verdict apply(const Event& event, std::uint32_t attempt, hostler::Context& ctx) const {
    for (const Rule<S>& rule : S::rules()) {
      if (rule.event_type != event.type()) continue;
      if (settings_.fault_injection)
        if (auto failure = simulated_failure(event, attempt)) return std::move(*failure);
      (static_cast<const S&>(*this).*rule.apply)(event, ctx);
      return hostler::done();
    }
    if (is_platform_type(event.type())) return hostler::done(); // nothing to keep of it here
    return hostler::drop("unknown event type " + event.type());
  }

  hostler::Verdict bury(const Tombstone& tombstone, hostler::Context& ctx) const {
    if constexpr (requires(const S& self) { self.erase(tombstone.user_id, tombstone.stamp, ctx); }) {
      static_cast<const S&>(*this).erase(tombstone.user_id, tombstone.stamp, ctx);
      return hostler::done();
    }
    return hostler::drop("a tombstone, and nothing of users is kept here that could be erased");
  }

  Settings settings_;
};

} // namespace interview
