#include "bench/scenario.h"

#include <fmt/core.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "bench/job.h"
#include "support/env.h"
#include "support/kafka_client.h"
#include "support/postgres.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace hostler::bench {
namespace {

constexpr auto patience = std::chrono::minutes(10);

// The retry topics have names without the group: they are made once, by the first run.
std::string configuration(const Scenario& scenario, const std::string& group, const std::string& ledger) {
  return fmt::format(R"([host]
name = "bench"
[kafka]
brokers = ["{}"]
{}
[[handler]]
name = "bench"
topics = ["{}"]
group = "{}"
start = "earliest"
{}
[handler.retry]
topic = "{{topic}}.retry.{{delay}}"
[handler.dead_letter]
topic = "{{topic}}.dlq"
)",
                     scenario.brokers, ledger.empty() ? "" : "[ledger]\nurl = \"" + ledger + "\"",
                     scenario.topic, group, scenario.handler);
}

std::string run_to_end(std::vector<std::string> arguments) {
  const std::string what = arguments.at(1);
  auto ended = testing::run(std::move(arguments), {}, patience);
  if (ended.status != testing::ExitStatus{.code = 0})
    throw std::runtime_error(what + " failed; its output:\n" + ended.output);
  return std::move(ended.output);
}

std::string run_child(const Job& job, const std::string& program = "") {
  auto arguments = to_arguments(job);
  arguments.insert(arguments.begin(), program.empty() ? std::filesystem::read_symlink("/proc/self/exe").string() : program);
  return run_to_end(std::move(arguments));
}

// The ledger's tables, and the one of the effects.
std::unique_ptr<testing::PostgresSchema> make_schema(const Scenario& scenario, const std::string& group,
                                                     const testing::TempDir& folder) {
  auto schema = std::make_unique<testing::PostgresSchema>(scenario.database);
  const auto config = folder.write("migrate.toml", configuration(scenario, group, schema->url()));
  (void)run_to_end({HOSTLER_BINARY, "ledger", "migrate", "--config", config.string()});
  auto database = schema->connect();
  database.exec(
      "CREATE TABLE effects (event_id text NOT NULL, topic text, part integer, off bigint, body bytea)");
  database.exec("CHECKPOINT"); // no side pays for another's pages
  return schema;
}

void check_effects(const testing::PostgresSchema& schema, std::uint64_t records, bool ids) {
  auto database = schema.connect();
  const auto found = database.query(
      std::string("SELECT (SELECT count(*) FROM effects), (SELECT count(DISTINCT (part, off)) FROM effects), ") +
      (ids ? "(SELECT count(*) FROM processed_events)" : "(SELECT count(*) FROM effects)") + ", (SELECT sum(next_offset) FROM hostler_mark)");
  for (const auto& count : found.front()) {
    if (count != std::to_string(records))
      throw std::runtime_error(fmt::format("{} records left {} effects, {} distinct, {} ids, marks at {}",
                                           records, found[0][0], found[0][1], found[0][2], found[0][3]));
  }
}

} // namespace

Scenario consume_scenario(const std::string& topic, std::uint64_t records) {
  return {testing::kafka_bootstrap(), "", topic, records,
          "plugin = \"" HOSTLER_PLUGIN_DIR
          "/noop.so\"\nhandler = \"noop.batch\"\nidempotency = \"off\"\n"
          "[handler.batch]\nmax_records = 1000"};
}

Scenario effects_scenario(const std::string& topic, std::uint64_t records) {
  return {testing::kafka_bootstrap(), testing::postgres_url(), topic, records,
          "plugin = \"" HOSTLER_PLUGIN_DIR
          "/sql_effects.so\"\nhandler = \"sql.effects\"\n"
          "idempotency = \"event-id\"\nevent_id = \"header:event-id\"\n[handler.batch]\nmax_records = 500"};
}

Scenario marks_scenario(const std::string& topic, std::uint64_t records) {
  return {testing::kafka_bootstrap(), testing::postgres_url(), topic, records,
          "plugin = \"" HOSTLER_PLUGIN_DIR "/sql_effects.so\"\nhandler = \"sql.effects\"\nidempotency = \"offset\"\n[handler.batch]\nmax_records = 500", false};
}

Scenario forward_scenario(const std::string& topic, const std::string& output, std::uint64_t records,
                          const std::string& effects, std::size_t lanes) {
  return {testing::kafka_bootstrap(), "", topic, records,
          "plugin = \"" HOSTLER_PLUGIN_DIR "/forward.so\"\nhandler = \"forward.record\"\nidempotency = \"off\"\neffects = \"" + effects +
              "\"\nlanes = " + std::to_string(lanes) + "\n[handler.batch]\nmax_records = 500\n[handler.config]\noutput = \"" + output + "\""};
}

Measured run_side(const Scenario& scenario, const std::string& side, const std::string& program) {
  const testing::TempDir folder;
  const std::string group = testing::unique_prefix() + side;
  std::unique_ptr<testing::PostgresSchema> schema;
  if (!scenario.database.empty()) schema = make_schema(scenario, group, folder);
  const auto config = folder.write("bench.toml", configuration(scenario, group, schema ? schema->url() : ""));
  const auto measured = from_output(run_child({side, config.string(), scenario.records, 0}, program));
  if (const auto lag = testing::KafkaClient(scenario.brokers).lag(group, scenario.topic); lag != 0)
    throw std::runtime_error(fmt::format("{} left {} records uncommitted", side, lag));
  if (schema) check_effects(*schema, scenario.records, scenario.ids);
  return measured;
}

PreparedHost prepare_host(const Scenario& scenario, const testing::TempDir& folder) {
  PreparedHost out;
  const std::string group = testing::unique_prefix() + "idle";
  if (!scenario.database.empty()) out.schema = make_schema(scenario, group, folder);
  const std::string text = configuration(scenario, group, out.schema ? out.schema->url() : "");
  out.config = folder.write("idle.toml", "[http]\nlisten = \"127.0.0.1:0\"\n" + text).string();
  return out;
}

Latency run_latency_side(const Scenario& scenario, std::uint64_t rate) {
  const testing::TempDir folder;
  const auto config =
      folder.write("bench.toml", configuration(scenario, testing::unique_prefix() + "latency", ""));
  const std::string output = run_child({"latency", config.string(), scenario.records, rate});
  Latency latency;
  const auto at = output.find("latency ");
  if (at == std::string::npos ||
      std::sscanf(output.c_str() + at, "latency %lf %lf", &latency.p50, &latency.p99) != 2)
    throw std::runtime_error("no latency in:\n" + output);
  return latency;
}

} // namespace hostler::bench
