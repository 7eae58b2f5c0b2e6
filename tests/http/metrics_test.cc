// Names, labels and buckets of the metrics are what dashboards and alerts are built on: a change here is a change for users.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <vector>

#include "http/metrics.h"
#include "support/catch.h"
#include "support/file.h"
#include "support/health.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

core::HostConfig one_handler() {
  core::HostConfig config;
  core::HandlerConfig h;
  h.name = "user-service";
  h.group = "users";
  config.handlers = {h};
  return config;
}

// A report in which everything there is occurs.
core::HostHealth full_report() {
  auto health = healthy();
  health.handlers[0].lanes[0].handling = core::Millis(250);
  health.handlers[0].outbox = core::OutboxHealth{3, 1, core::Millis(250)};
  health.handlers[0].source.partitions[0].held = "somebody reset its offset";
  health.handlers[0].stuck = 2;
  auto& failed = health.handlers.emplace_back();
  failed.name = "analytics";
  failed.failed = "no plugin";
  health.clusters[0].topics = {{"user-events", 6, 1, 2}};
  return health;
}

std::string full_text() {
  http::Metrics metrics(one_handler(), "1.2.3");
  runtime::SettledCounts counts;
  counts.by_outcome[static_cast<std::size_t>(core::Outcome::done)] = 3;
  counts.by_outcome[static_cast<std::size_t>(core::Outcome::dead)] = 1;
  counts.bytes = 400;
  metrics.batch_settled("user-service", {"user-events", {0}}, -1, counts, core::Millis(7));
  core::Record record;
  record.topic = "user-events";
  const core::TopicPartition where{"user-events", {0}};
  core::Disposition dead;
  dead.outcome = core::Outcome::dead;
  metrics.record_noted({"user-service", &record, &where, dead, "no such user"});
  metrics.published("user-service", "user-events-dlq", 1, 2);
  metrics.intake("user-service", "the database is down");
  metrics.intake("user-service", "");
  metrics.expired("", "processed_events", 11);
  return metrics.text(full_report());
}

// Every line without its value: names, types, labels, buckets, in alphabetical order. Help texts may change.
std::string shape(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("# HELP", 0) == 0) continue;
    if (line.rfind("# TYPE", 0) != 0) line = line.substr(0, line.rfind(' '));
    lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const auto& line : lines) out += line + "\n";
  return out;
}

double value_of(const std::string& text, const std::string& series) {
  const auto at = text.find("\n" + series + " ");
  REQUIRE(at != std::string::npos);
  return std::strtod(text.c_str() + at + series.size() + 2, nullptr);
}

}  // namespace

TEST_CASE("names, labels and buckets are those of the golden file") {
  const auto file = std::filesystem::path(HOSTLER_SOURCE_DIR) / "tests/http/metrics.golden";
  const std::string now = shape(full_text());
  const std::string golden = text_of(file);
  INFO("after a wanted change: run with HOSTLER_WRITE_GOLDEN=1 and read the difference");
  if (std::getenv("HOSTLER_WRITE_GOLDEN") != nullptr) std::ofstream(file) << now;
  CHECK(now == golden);
}

TEST_CASE("what is counted stands in the text") {
  const std::string text = full_text();
  const std::string labels = R"({group="users",handler="user-service",topic="user-events"})";
  CHECK(value_of(text, "kafka_messages_consumed_total" + labels) == 4);
  CHECK(value_of(text, "hostler_consumed_bytes_total" + labels) == 400);
  CHECK(value_of(text, "kafka_dlq_messages_total" + labels) == 1);
  CHECK(value_of(text, "kafka_processing_duration_seconds_count" + labels) == 1);
  CHECK(value_of(text, "kafka_processing_duration_seconds_sum" + labels) == Approx(0.007));
  CHECK(value_of(text, R"(kafka_messages_published_total{group="users",handler="user-service",topic="user-events-dlq"})") == 1);
  CHECK(value_of(text, R"(kafka_errors_total{error_type="publish",handler="user-service"})") == 2);
  CHECK(value_of(text, R"(kafka_errors_total{error_type="outage",handler="user-service"})") == 1);
  CHECK(value_of(text, R"(hostler_ledger_expired_total{ledger="",table="processed_events"})") == 11);
  CHECK(value_of(text, R"(hostler_ledger_expired_total{ledger="",table="hostler_delegated"})") == 0);
  CHECK(value_of(text, R"(hostler_records_total{handler="user-service",outcome="done"})") == 3);
  CHECK(value_of(text, R"(kafka_consumer_lag{handler="user-service",group="users",topic="user-events",partition="0"})") == 5);
  CHECK(value_of(text, R"(hostler_retry_depth{handler="user-service"})") == 2);
  CHECK(value_of(text, R"(hostler_retry_next_due_timestamp_seconds{handler="user-service"})") == 1.7e9);
  CHECK(value_of(text, R"(hostler_handler_failed{handler="analytics"})") == 1);
  CHECK(value_of(text, "process_resident_memory_bytes") > 1e6);
}

TEST_CASE("a stranger's topic names can neither break the text nor fill it") {
  http::Metrics metrics(one_handler(), "1.2.3");
  metrics.batch_settled("user-service", {"a\"b\\c\nd\xff", {0}}, -1, {}, core::Millis(1));
  CHECK_THAT(metrics.text({}), contains(R"(topic="other")") && !contains("a\\\"b"));
  for (int i = 0; i < 1500; ++i) metrics.published("user-service", "made-up-" + std::to_string(i), 1, 0);
  const std::string text = metrics.text({});
  CHECK_THAT(text, contains("made-up-900") && !contains("made-up-1400"));
}

TEST_CASE("promtool accepts the metrics") {
  const char* promtool = std::getenv("HOSTLER_TEST_PROMTOOL");
  REQUIRE(promtool != nullptr);  // ./dev test provides it
  const TempDir folder;
  const auto file = folder.write("metrics.txt", full_text());
  const auto checked = run({"/bin/sh", "-c", "exec \"$0\" check metrics < \"$1\"", promtool, file.string()});
  INFO(checked.output);
  CHECK(checked.status.code == 0);
}
