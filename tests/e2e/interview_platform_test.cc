// A hundred thousand events of the interview platform through two hosts with all three services, on Apache Kafka and PostgreSQL:
// duplicates, invalid ones, tombstones, transient and permanent failures. At the end every row of every table and every dead letter
// is what a fold over the produced stream says.
#include <algorithm>
#include <cstdio>
#include <map>

#include "cli/demo_report.h"
#include "cli/demo_traffic.h"
#include "e2e/platform.h"
#include "support/catch.h"

namespace hostler::e2e {
namespace {

constexpr std::size_t event_count = 100'000;
constexpr std::uint32_t max_retries = 3;
constexpr auto patience = 240s;

std::vector<cli::TrafficRecord> traffic() {
  cli::TrafficOptions options;
  options.seed = 20251006;
  options.users = 2000;
  cli::Traffic source(options);
  std::vector<cli::TrafficRecord> records;
  records.reserve(event_count);
  constexpr std::int64_t step_ms = 2500; // of three days
  const std::int64_t start = now_ms() - static_cast<std::int64_t>(event_count) * step_ms;
  for (std::size_t i = 0; i < event_count; ++i)
    records.push_back(source.next(core::from_epoch_ms(start + static_cast<std::int64_t>(i) * step_ms)));
  return records;
}

class Platform {
 public:
  Platform() {
    for (const auto topic : cli::Traffic::topics) world.topic(topic, 3);
    std::vector<HandlerToml> services;
    for (const auto& [service, topics] : subscriptions())
      services.push_back(service_toml(world, service).set("lanes", "2"));
    for (const char* host : {"host-a", "host-b"}) configs.push_back(world.config(services, host));
    world.migrate(configs.front());
  }

  void produce(const cli::TrafficRecord* first, const cli::TrafficRecord* last) {
    for (; first != last; ++first) {
      world.kafka().produce(
          world.name(first->topic),
          {.key = first->key, .value = first->value, .timestamp_ms = core::to_epoch_ms(first->timestamp)});
    }
    world.kafka().flush();
  }

  // Every record is read and none is on its way through the retries.
  bool settled() {
    if (world.db().number("SELECT count(*) FROM hostler_delegated WHERE state = 'retry'") > 0) return false;
    for (const auto& [service, topics] : subscriptions()) {
      for (const auto& topic : topics) {
        if (world.kafka().lag(group_of(world, service), world.name(topic)) > 0) return false;
      }
    }
    return world.db().number("SELECT count(*) FROM hostler_delegated WHERE state = 'retry'") == 0;
  }

  // As the reference names things: without the test's prefix.
  std::vector<cli::DeadLetter> letters() {
    std::vector<cli::DeadLetter> out;
    for (const auto topic : cli::Traffic::topics) {
      const std::string dlq = std::string(topic) + "-dlq";
      for (const auto& record : world.read(world.name(dlq))) {
        const auto header = [&](const char* name) { return record.header(name).value_or(""); };
        out.push_back({dlq, record.key.value_or(""), record.value, header("hostler-handler"),
                       header("hostler-reason"), header("hostler-error-message"),
                       header("hostler-event-id")});
      }
    }
    return out;
  }

  World world;
  std::vector<std::filesystem::path> configs;
};

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += line + "\n";
  return out;
}

void check_letters(Platform& platform, const cli::Reference& reference) {
  const auto found = platform.letters();
  CHECK(found.size() == reference.letters().size());
  CHECK(joined(cli::compare_letters(reference.letters(), found)) == "");
}

void check_tables(Platform& platform, const cli::Reference& reference) {
  for (const auto& table : cli::Reference::tables()) {
    auto rows = platform.world.db().query(table.sql);
    std::sort(rows.begin(), rows.end());
    INFO(table.name);
    CHECK(rows.size() > 1000);
    CHECK(joined(cli::compare_rows(table.name, reference.rows(table.name), rows)) == "");
  }
}

void check_ledger(Platform& platform, const cli::Reference& reference,
                  const std::vector<cli::TrafficRecord>& records) {
  cli::TableRows expected;
  for (const auto& id : reference.ids())
    expected.push_back({id.event_id, id.event_type, id.service, platform.world.name(id.topic), id.state});
  std::sort(expected.begin(), expected.end());
  auto rows = platform.world.db().query(
      "SELECT event_id, coalesce(event_type, ''), service_name, topic, state FROM processed_events WHERE "
      "event_id NOT LIKE '@%'");
  std::sort(rows.begin(), rows.end());
  CHECK(joined(cli::compare_rows("processed_events", expected, rows)) == "");

  // Tombstones have no id: that of their origin stands for them.
  const auto tombstones =
      std::count_if(records.begin(), records.end(), [](const auto& r) { return !r.value; });
  for (const auto& [service, topics] : subscriptions()) {
    const std::string of_service =
        " FROM processed_events WHERE event_id LIKE '@%' AND service_name = '" + service + "'";
    INFO(service);
    CHECK(platform.world.db().number("SELECT count(*)" + of_service + " AND state = 'done'") ==
          (topics.contains("user-events") ? tombstones : 0));
    CHECK(platform.world.db().number("SELECT count(*)" + of_service + " AND state <> 'done'") == 0);
    const auto dead = platform.world.db().number("SELECT count(*) FROM hostler_delegated WHERE service = '" +
                                                 service + "' AND state = 'dead'");
    CHECK(dead == static_cast<long long>(reference.outcomes().at(service).count(core::Outcome::dead)));
  }
  CHECK(platform.world.db().number("SELECT count(*) FROM hostler_delegated WHERE state <> 'dead'") == 0);
}

TEST_CASE("a hundred thousand interview events end as the reference says, row by row and letter by letter") {
  const auto records = traffic();
  cli::Reference reference(subscriptions(), max_retries);
  for (const auto& record : records) reference.add(record);
  for (const auto& [service, outcome] : reference.outcomes()) {
    INFO(service); // the traffic has enough of everything
    CHECK(outcome.count(core::Outcome::duplicate) > 1000);
    CHECK(outcome.count(core::Outcome::dead) > 500);
    CHECK(outcome.count(core::Outcome::drop) > 100);
    CHECK(outcome.retried > 1000);
  }

  Platform platform;
  Host first(platform.configs[0]);
  first.ready();
  const auto began = std::chrono::steady_clock::now();
  platform.produce(records.data(), records.data() + event_count / 2);
  Host second(platform.configs[1]); // joins while there is work: partitions move
  platform.produce(records.data() + event_count / 2, records.data() + event_count);
  second.ready();
  REQUIRE(eventually(patience, [&] { return platform.settled(); }));
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("%zu events, two hosts, three services: settled after %.1f s\n", records.size(), took);
  CHECK(first.leave() == 0);
  CHECK(second.leave() == 0);

  check_tables(platform, reference);
  check_ledger(platform, reference, records);
  check_letters(platform, reference);
}

} // namespace
} // namespace hostler::e2e
