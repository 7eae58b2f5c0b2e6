// The demo's summary: says that it adds up only when it does, and names each difference.
#include "cli/demo_report.h"

#include <algorithm>
#include <functional>

#include "support/catch.h"

namespace hostler::cli {
namespace {

using core::Outcome;

std::uint64_t& at(OutcomeCounts& counts, Outcome outcome) {
  return counts[static_cast<std::size_t>(outcome)];
}

// One handler that read 10 records: 6 done at once, 1 done on a retry, 1 duplicate, 1 dropped, 1 dead after two retries.
DemoFacts sound_facts() {
  HandlerFacts h;
  h.name = "user-service";
  h.produced = 10;
  at(h.counts.source, Outcome::done) = 6;
  at(h.counts.source, Outcome::duplicate) = 1;
  at(h.counts.source, Outcome::drop) = 1;
  at(h.counts.source, Outcome::retry) = 2;
  at(h.counts.retry, Outcome::retry) = 1;
  at(h.counts.retry, Outcome::done) = 1;
  at(h.counts.retry, Outcome::dead) = 1;
  at(h.counts.retry, Outcome::duplicate) = 3; // repeated copies: no records of their own
  at(h.expected.by_outcome, Outcome::done) = 7;
  at(h.expected.by_outcome, Outcome::duplicate) = 1;
  at(h.expected.by_outcome, Outcome::drop) = 1;
  at(h.expected.by_outcome, Outcome::dead) = 1;
  h.expected.retried = 2;
  h.ids = {{"done", 8}, {"dead", 1}};
  h.delegated = {{"dead", 1}};
  DemoFacts facts;
  facts.handlers = {h};
  facts.tables = {{"users", {{"u1", "a@b.c"}, {"u2", "NULL"}}, {{"u1", "a@b.c"}, {"u2", "NULL"}}}};
  facts.expected_letters = {{"user-service", "user-events", "u1", "{}", {"retries-exhausted"}, "down"}};
  facts.letters = {{"user-events-dlq", "u1", "{}", "user-service", "retries-exhausted", "down", "evt-1"}};
  return facts;
}

TEST_CASE("a sound run adds up") {
  const auto report = make_report(sound_facts());
  CHECK(report.adds_up());
  CHECK(std::any_of(report.lines.begin(), report.lines.end(),
                    [](const auto& line) { return line.find("It adds up") == 0; }));
}

TEST_CASE("each planted difference is found and named") {
  struct Plant {
    std::function<void(DemoFacts&)> change;
    std::string named;
  };
  const std::vector<Plant> plants = {
      {[](DemoFacts& f) { f.handlers[0].produced = 11; },
       "user-service: 10 records read, expected 11 (records in its topics)"},
      {[](DemoFacts& f) { at(f.handlers[0].counts.retry, Outcome::done) = 0; },
       "user-service: 10 records read, 9 with a final fate: done + duplicate + dead-lettered + dropped + "
       "filtered do not add up"},
      {[](DemoFacts& f) { f.handlers[0].ids["done"] = 9; },
       "user-service: 9 rows 'done' in processed_events, expected 8 (done + dropped)"},
      {[](DemoFacts& f) { f.handlers[0].ids["retry"] = 1; },
       "user-service: 1 rows 'retry' in processed_events, expected 0 (when all is drained)"},
      {[](DemoFacts& f) { f.handlers[0].delegated.clear(); },
       "user-service: 0 rows 'dead' in hostler_delegated, expected 1 (dead-lettered)"},
      {[](DemoFacts& f) { at(f.handlers[0].expected.by_outcome, Outcome::duplicate) = 2; },
       "user-service: 1 duplicate, expected 2 (by the reference)"},
      {[](DemoFacts& f) { f.letters.clear(); },
       "user-service: 0 letters in the dead-letter topics, expected 1 (dead-lettered)"},
      {[](DemoFacts& f) { f.letters.clear(); },
       "a dead letter is missing: user-service, user-events, key u1: {}"},
      {[](DemoFacts& f) { f.letters[0].message = "up"; },
       "dead letter with another reason: user-service, user-events-dlq, key u1: {}; it says "
       "'retries-exhausted, up', expected "
       "'retries-exhausted, down'"},
      {[](DemoFacts& f) { f.letters[0].key = "u2"; },
       "a dead letter that should not be: user-service, user-events-dlq, key u2: {}"},
      {[](DemoFacts& f) { f.tables[0].found.pop_back(); }, "table users, row missing: (u2 | NULL)"},
      {[](DemoFacts& f) { f.tables[0].found[0][1] = "x@b.c"; },
       "table users, row that should not be: (u1 | x@b.c)"},
  };
  for (const auto& plant : plants) {
    auto facts = sound_facts();
    plant.change(facts);
    const auto report = make_report(facts);
    INFO(plant.named);
    CHECK_FALSE(report.adds_up());
    CHECK(std::find(report.differences.begin(), report.differences.end(), plant.named) !=
          report.differences.end());
    CHECK(std::find(report.lines.begin(), report.lines.end(), "  " + plant.named) != report.lines.end());
  }
}

TEST_CASE("a flood of differences is cut short") {
  TableRows expected;
  for (int i = 0; i < 100; ++i) expected.push_back({"row " + std::to_string(100 + i)});
  const auto differences = compare_rows("users", expected, {}, 5);
  REQUIRE(differences.size() == 6);
  CHECK(differences.back() == "table users, row missing: … and 95 more rows");
}

} // namespace
} // namespace hostler::cli
