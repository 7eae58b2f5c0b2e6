// The tables are the same whatever order retries bring the events in, and as the reference, which is other code, says.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "cli/demo_reference.h"
#include "cli/demo_traffic.h"
#include "interview/small_host.h"
#include "support/catch.h"

namespace hostler::testing {
namespace {

constexpr std::uint32_t max_retries = 3;

const cli::Subscriptions& subscriptions() {
  static const cli::Subscriptions all = {
      {"user-service", {"user-events", "auth-events", "media-events"}},
      {"interview-service", {"user-events", "interview-events"}},
      {"analytics-service", {"user-events", "auth-events", "media-events", "interview-events"}}};
  return all;
}

std::vector<cli::TrafficRecord> traffic(std::size_t count, std::uint64_t seed) {
  cli::TrafficOptions options;
  options.seed = seed;
  options.users = 20; // many events of each
  cli::Traffic source(options);
  std::vector<cli::TrafficRecord> records;
  for (std::size_t i = 0; i < count; ++i)
    records.push_back(
        source.next(core::from_epoch_ms(1'760'000'000'000 + static_cast<std::int64_t>(i) * 700)));
  return records;
}

// What the host makes of the records before a handler sees them: no garbage, no duplicates.
std::vector<cli::TrafficRecord> admitted(const std::vector<cli::TrafficRecord>& records) {
  std::vector<cli::TrafficRecord> out;
  std::set<std::string> seen;
  for (const auto& record : records) {
    if (record.value) {
      const auto event = nlohmann::json::parse(*record.value, nullptr, false);
      if (!event.is_object() || !event.contains("eventId") ||
          !seen.insert(event["eventId"].get<std::string>()).second)
        continue;
    }
    out.push_back(record);
  }
  return out;
}

struct Counts {
  std::map<int, std::uint64_t> by_verdict;
  std::multiset<std::string> reasons; // of dead letters
};

// Each record until it is settled; attempts of one record follow one another, records come in the order given.
Counts run(InterviewDatabase& database, const std::string& service,
           const std::vector<cli::TrafficRecord>& records) {
  SmallHost host(database, "interview." + service, R"({"fault_injection":true})");
  Counts counts;
  for (const auto& record : records) {
    if (!subscriptions().at(service).contains(record.topic)) continue;
    Answer answer;
    for (std::uint32_t attempt = 1; attempt <= max_retries + 1; ++attempt) {
      answer = host.handle({.key = record.key,
                            .value = record.value,
                            .timestamp_ms = core::to_epoch_ms(record.timestamp),
                            .attempt = attempt});
      if (answer.verdict != HOSTLER_RETRY) break;
    }
    ++counts.by_verdict[answer.verdict];
    if (answer.verdict == HOSTLER_REJECT || answer.verdict == HOSTLER_RETRY)
      counts.reasons.insert(answer.reason);
  }
  return counts;
}

void check_tables(InterviewDatabase& database, const cli::Reference& reference) {
  for (const auto& table : cli::Reference::tables()) {
    auto rows = database.tables().query(table.sql);
    std::sort(rows.begin(), rows.end());
    INFO(table.name);
    CHECK(!rows.empty());
    CHECK(rows == reference.rows(table.name));
  }
}

TEST_CASE("tables, verdicts and reasons equal the reference, in any order of events") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const auto records = traffic(3000, seed);
    cli::Reference reference(subscriptions(), max_retries);
    for (const auto& record : records) reference.add(record);
    auto order = admitted(records);
    std::mt19937 shuffler(static_cast<std::uint32_t>(seed));
    for (int round = 0; round < 3; ++round) {
      INFO("seed " << seed << ", round " << round << (round == 0 ? ": as produced" : ": shuffled"));
      InterviewDatabase database;
      for (const auto& [service, outcome] : reference.outcomes()) {
        INFO(service);
        const Counts counts = run(database, service, order);
        CHECK(counts.by_verdict.at(HOSTLER_DONE) == outcome.count(core::Outcome::done));
        CHECK(counts.by_verdict.at(HOSTLER_DROP) == outcome.count(core::Outcome::drop));
        std::multiset<std::string> expected;
        for (const auto& letter : reference.letters())
          if (letter.service == service && !letter.message.empty()) expected.insert(letter.message);
        CHECK(counts.reasons == expected);
      }
      check_tables(database, reference);
      std::shuffle(order.begin(), order.end(), shuffler);
    }
  }
}

TEST_CASE("traffic repeats itself for the same seed, and has some of everything") {
  const auto records = traffic(5000, 7);
  const auto again = traffic(5000, 7);
  std::size_t tombstones = 0;
  std::map<std::string, std::size_t> by_topic;
  for (std::size_t i = 0; i < records.size(); ++i) {
    REQUIRE(records[i].key == again[i].key);
    REQUIRE(records[i].value == again[i].value);
    if (!records[i].value) ++tombstones;
    ++by_topic[records[i].topic];
  }
  CHECK(traffic(5000, 8).back().value != records.back().value);
  CHECK(tombstones > 5);
  for (const auto topic : cli::Traffic::topics) CHECK(by_topic[std::string(topic)] > 100);
  cli::Reference reference(subscriptions(), max_retries);
  for (const auto& record : records) reference.add(record);
  for (const auto& [service, outcome] : reference.outcomes()) {
    INFO(service);
    for (const auto what :
         {core::Outcome::done, core::Outcome::duplicate, core::Outcome::dead, core::Outcome::drop})
      CHECK(outcome.count(what) > 5);
    CHECK(outcome.retried > 20);
  }
}

} // namespace
} // namespace hostler::testing
