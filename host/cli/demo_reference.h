// What a stream of interview events should have led to, worked out the slow and obvious way and not by the plugin's code: read each
// record, sort the good events by time, apply them one after the other. Used by the demo's summary and the end-to-end tests.
// Values; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cli/demo_traffic.h"
#include "core/disposition.h"

namespace hostler::cli {

// One row of text per table row, NULL as "NULL"; sorted.
using TableRows = std::vector<std::vector<std::string>>;

struct ReferenceTable {
  std::string name;
  std::string sql; // selects what rows() gives, in any order
};

struct ExpectedLetter {
  std::string service, topic, key;
  std::optional<std::string> value;
  std::vector<std::string> reasons; // hostler-reason: one of these
  std::string message;              // hostler-error-message; empty: the host's own words
};

// A row of processed_events for a record that has an event id of its own.
struct ExpectedId {
  std::string event_id, event_type, service, topic, state;
  auto operator<=>(const ExpectedId&) const = default;
};

struct ServiceOutcome {
  std::array<std::uint64_t, core::outcome_count>
      by_outcome{};                  // final outcomes, index core::Outcome; retry stays 0
  std::uint64_t retried = 0;         // records that needed a retry at least once
  std::uint64_t dead_without_id = 0; // no row of processed_events stands for them
  [[nodiscard]] std::uint64_t records() const;
  [[nodiscard]] std::uint64_t count(core::Outcome outcome) const {
    return by_outcome[static_cast<std::size_t>(outcome)];
  }
};

// Which topics a service reads.
using Subscriptions = std::map<std::string, std::set<std::string>>;

class Reference {
 public:
  Reference(Subscriptions subscriptions, std::uint32_t max_retries);

  // In the order of production.
  void add(const TrafficRecord& record);

  [[nodiscard]] const std::map<std::string, ServiceOutcome>& outcomes() const { return outcomes_; }
  [[nodiscard]] const std::vector<ExpectedLetter>& letters() const { return letters_; }
  [[nodiscard]] const std::vector<ExpectedId>& ids() const { return ids_; }
  [[nodiscard]] static const std::vector<ReferenceTable>& tables();
  [[nodiscard]] TableRows rows(const std::string& table) const;

 private:
  struct Fact;
  struct Judgement;
  Judgement judge(const std::string& service, const TrafficRecord& record);

  Subscriptions subscriptions_;
  std::uint32_t max_retries_;
  std::map<std::string, ServiceOutcome> outcomes_;
  std::vector<ExpectedLetter> letters_;
  std::vector<ExpectedId> ids_;
  std::set<std::pair<std::string, std::string>> seen_; // service, event id
  std::vector<Fact> facts_;                            // good events, by service

 public:
  ~Reference();
};

} // namespace hostler::cli
