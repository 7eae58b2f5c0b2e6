// Every key that exists reaches HostConfig; what is not stated has its documented default.
#include "config_text.h"
#include "support/catch.h"

using namespace hostler;
using namespace hostler::testing;
using namespace std::chrono_literals;
using core::FieldLocator;

namespace {

core::HandlerConfig handler(const std::string& line,
                            const std::string& instead_of = "event_id = \"json:/eventId\"") {
  const Loaded loaded = load(with(instead_of, line));
  if (!loaded) FAIL(loaded.error().front().text());
  return loaded->handlers.at(0);
}

} // namespace

TEST_CASE("the minimal configuration has the documented defaults") {
  const Loaded loaded = load(minimal);
  REQUIRE(loaded);
  CHECK(loaded->name == "hostler");
  CHECK(loaded->memory_bytes == 512ULL << 20U);
  CHECK(loaded->log_level == "info");
  CHECK(loaded->plugin_dirs.size() == 2);
  CHECK(loaded->plugin_dirs[0] == "/usr/local/lib/hostler/plugins");
  CHECK(loaded->kafka.brokers == Lines{"localhost:9092"});
  CHECK(loaded->kafka.client_id == "hostler");
  CHECK(loaded->kafka.properties.empty());
  CHECK(loaded->ledger.url == "sqlite:///tmp/ledger.db");
  CHECK(loaded->ledger.max_sessions == 16);
  CHECK(loaded->from_environment.empty());
  REQUIRE(loaded->handlers.size() == 1);
  const core::HandlerConfig& h = loaded->handlers[0];
  CHECK(h.name == "users");
  CHECK(h.plugin == "users.so");
  CHECK(h.handler == "example.users");
  CHECK(h.topics == Lines{"user-events"});
  CHECK(h.group == "users-group");
  CHECK(h.start == core::Start::earliest);
  CHECK(h.idempotency == core::Idempotency::event_id);
  CHECK(h.event_id.kind == FieldLocator::Kind::json_pointer);
  CHECK(h.event_id.path == "/eventId");
  CHECK(h.event_type.kind == FieldLocator::Kind::none);
  CHECK(h.on_missing_id == core::OnMissingId::reject);
  CHECK(h.on_sql_error == core::SqlErrorVerdict::retry);
  CHECK(h.lanes == 1);
  CHECK(h.batch.max_records == 500);
  CHECK(h.batch.max_wait == 0ms);
  CHECK(h.timeout == 30s);
  CHECK(h.max_crashes == 3);
  CHECK(h.enabled);
  CHECK(h.config_json == "{}");
  CHECK(h.migrations.empty());
  CHECK_THAT(h.where, contains("hostler.toml:5"));
  REQUIRE(h.retry.delays.size() == 3);
  CHECK(h.retry.delays[2].text == "30m");
  CHECK(h.retry.delays[2].duration == 30min);
  CHECK(h.retry.max_retries == 3);
  CHECK(h.retry.topic == "{topic}.{group}.retry.{delay}");
  CHECK(h.retry.create_topics);
  CHECK(h.dead_letter.topic == "{topic}.{group}.dlq");
  CHECK(h.dead_letter.format == core::LetterFormat::record);
  CHECK(h.dead_letter.create_topics);
  CHECK(h.dead_letter.partitions == 1);
  CHECK(h.dead_letter.retention == 720h);
  CHECK_FALSE(h.dead_letter.original_topic_headers);
  CHECK_FALSE(h.dead_letter.spring_headers);
}

TEST_CASE("host, kafka and ledger keys are read") {
  const Loaded loaded = load(R"([host]
name = "platform"
plugin_dirs = ["/a", "b", "../c"]
memory = "2G"
log_level = "debug"
[kafka]
brokers = ["one:9092", "two:9093", "[::1]:9092"]
client_id = "mine"
[kafka.properties]
"session.timeout.ms" = 30000
heartbeat.interval.ms = 3000
"check.crcs" = true
"sasl.password" = "x"
[ledger]
url = "postgresql://u:p@h/d"
max_sessions = 4
)" + minimal.substr(minimal.find("[[handler]]")));
  REQUIRE(loaded);
  CHECK(loaded->name == "platform");
  REQUIRE(loaded->plugin_dirs.size() == 3);
  CHECK(loaded->plugin_dirs[0] == "/a");
  CHECK_THAT(loaded->plugin_dirs[1], contains("/hostler-"));
  CHECK(loaded->plugin_dirs[1].ends_with("/b"));
  CHECK(loaded->plugin_dirs[2].find("..") == std::string::npos);
  CHECK(loaded->memory_bytes == 2ULL << 30U);
  CHECK(loaded->log_level == "debug");
  CHECK(loaded->kafka.brokers.size() == 3);
  CHECK(loaded->kafka.client_id == "mine");
  CHECK(loaded->kafka.properties == core::Properties{{"session.timeout.ms", "30000"},
                                                     {"heartbeat.interval.ms", "3000"},
                                                     {"check.crcs", "true"},
                                                     {"sasl.password", "x"}});
  CHECK(loaded->ledger.url == "postgresql://u:p@h/d");
  CHECK(loaded->ledger.max_sessions == 4);
  core::Properties with_poll = loaded->kafka.properties; // what a handler's keys default to
  with_poll["max.poll.interval.ms"] = "300000";
  CHECK(loaded->handlers[0].kafka == with_poll);
}

TEST_CASE("handler keys are read") {
  CHECK(handler("event_id = \"header:ce_id\"").event_id.kind == FieldLocator::Kind::header);
  CHECK(handler("event_id = \"header:ce_id\"").event_id.path == "ce_id");
  CHECK(handler("event_id = \"key\"").event_id.kind == FieldLocator::Kind::key);
  CHECK(handler("event_id = \"origin\"").event_id.kind == FieldLocator::Kind::origin);
  CHECK(handler("event_id = \"json:/metadata/a~1b~0\"").event_id.path == "/metadata/a~1b~0");
  CHECK(handler("event_id = \"key\"\nevent_type = \"header:type\"").event_type.path == "type");
  CHECK(handler("event_id = \"key\"\nevent_type = \"key\"").event_type.kind == FieldLocator::Kind::key);
  CHECK(handler("event_id = \"key\"\non_missing_id = \"origin\"").on_missing_id == core::OnMissingId::origin);
  CHECK(handler("event_id = \"key\"\non_sql_error = \"reject\"").on_sql_error ==
        core::SqlErrorVerdict::reject);
  CHECK(handler("idempotency = \"offset\"").idempotency == core::Idempotency::offset);
  CHECK(handler("idempotency = \"off\"").idempotency == core::Idempotency::off);
  CHECK(handler("idempotency = \"event-id\"\nevent_id = \"key\"").idempotency == core::Idempotency::event_id);
  CHECK(handler("event_id = \"key\"").effects == core::Effects::sql);
  CHECK(handler("event_id = \"key\"\neffects = \"sql\"").effects == core::Effects::sql);
  CHECK(handler("idempotency = \"off\"\neffects = \"kafka\"").effects == core::Effects::kafka);
  CHECK(handler("event_id = \"key\"\nlanes = 8").lanes == 8);
  CHECK(handler("event_id = \"key\"\ntimeout = \"2min\"").timeout == 2min);
  CHECK(handler("event_id = \"key\"\nmax_crashes = 1").max_crashes == 1);
  CHECK_FALSE(handler("event_id = \"key\"\nenabled = false").enabled);
  CHECK(handler("event_id = \"key\"\nordering = \"partition\"\nisolation = \"none\"").enabled);
  const auto batch = handler("event_id = \"key\"\nbatch = { max_records = 7, max_wait = \"20ms\" }").batch;
  CHECK(batch.max_records == 7);
  CHECK(batch.max_wait == 20ms);
  CHECK(handler("start = \"latest\"", "start = \"earliest\"").start == core::Start::latest);
  CHECK(handler("topics = [\"chat.messages.*\", \"a_b-C.9\"]", "topics = [\"user-events\"]").topics ==
        Lines{"chat.messages.*", "a_b-C.9"});
}

TEST_CASE("paths are relative to the file that states them, but a bare plugin name is left to plugin_dirs") {
  CHECK(handler("plugin = \"/x/y.so\"", "plugin = \"users.so\"").plugin == "/x/y.so");
  CHECK(handler("plugin = \"./y.so\"", "plugin = \"users.so\"").plugin.starts_with("/"));
  CHECK(handler("plugin = \"y.so\"", "plugin = \"users.so\"").plugin == "y.so");
  const std::string migrations = handler("event_id = \"key\"\nmigrations = \"../plugins/m\"").migrations;
  CHECK(migrations.starts_with("/"));
  CHECK(migrations.ends_with("/plugins/m"));
  CHECK(migrations.find("..") == std::string::npos);
}

TEST_CASE("a handler's retry, dead_letter and kafka override the defaults key by key") {
  const Loaded loaded = load(minimal + R"([handler.retry]
delays = ["500ms", "2s", "1min", "2h", "1d"]
max_retries = 9
[handler.dead_letter]
format = "json"
retention = "60d"
[handler.kafka]
"max.poll.interval.ms" = 600000
"session.timeout.ms" = 20000
[[handler]]
name = "audit"
plugin = "users.so"
handler = "example.audit"
topics = ["user-events"]
group = "audit-group"
start = "latest"
event_id = "json:/eventId"
[kafka.properties]
"session.timeout.ms" = 30000
[defaults.retry]
topic = "internal.retry.{delay}"
delays = ["1min", "5min"]
create_topics = false
[defaults.dead_letter]
topic = "internal.dlq"
partitions = 4
create_topics = false
headers = ["original-topic", "spring"]
)");
  if (!loaded) FAIL(loaded.error().front().text());
  const core::HandlerConfig& users = loaded->handlers.at(0);
  const core::HandlerConfig& audit = loaded->handlers.at(1);
  CHECK(users.retry.delays.size() == 5);
  CHECK(users.retry.delays[0].duration == 500ms);
  CHECK(users.retry.delays[4].duration == 24h);
  CHECK(users.retry.max_retries == 9);
  CHECK(users.retry.topic == "internal.retry.{delay}");
  CHECK_FALSE(users.retry.create_topics);
  CHECK(users.dead_letter.format == core::LetterFormat::json);
  CHECK(users.dead_letter.topic == "internal.dlq");
  CHECK(users.dead_letter.retention == 1440h);
  CHECK(users.kafka == core::Properties{{"session.timeout.ms", "20000"},
                                        {"heartbeat.interval.ms", "3000"},
                                        {"max.poll.interval.ms", "600000"}});
  CHECK(users.session_timeout == 20s);
  CHECK(users.poll_interval == 10min);
  CHECK(audit.retry.delays.size() == 2);
  CHECK(audit.retry.max_retries == 3);
  CHECK(audit.dead_letter.format == core::LetterFormat::record);
  CHECK(audit.dead_letter.partitions == 4);
  CHECK(audit.dead_letter.original_topic_headers);
  CHECK(audit.dead_letter.spring_headers);
  CHECK_FALSE(audit.dead_letter.create_topics);
  CHECK(audit.kafka == core::Properties{{"session.timeout.ms", "30000"},
                                        {"heartbeat.interval.ms", "3000"},
                                        {"max.poll.interval.ms", "300000"}});
}

TEST_CASE("no retries at all is a configuration") {
  const Loaded loaded = load(minimal + "[handler.retry]\nmax_retries = 0\ndelays = []\n");
  REQUIRE(loaded);
  CHECK(loaded->handlers[0].retry.delays.empty());
}

TEST_CASE("handler.config becomes JSON") {
  CHECK(load(minimal + "[handler.config]\n")->handlers[0].config_json == "{}");
  const Loaded loaded = load(minimal + R"([handler.config]
table = "us\"er\\s\n\u0001é"
count = -9223372036854775808
big = 9223372036854775807
share = 0.1
whole = 3.0
tiny = 1e-300
on = true
day = 2026-11-21
at = 2026-11-21T10:00:00.5Z
there = 2026-11-21T10:00:00+02:00
local = 2026-11-21T10:00:00
clock = 07:32:00
list = [1, "a", [true], {}]
"strange key" = 1
[handler.config.nested.deep]
x = 1
)");
  REQUIRE(loaded);
  CHECK(
      loaded->handlers[0].config_json ==
      R"({"at":"2026-11-21T10:00:00.5Z","big":9223372036854775807,"clock":"07:32:00","count":-9223372036854775808,"day":"2026-11-21",)"
      R"("list":[1,"a",[true],{}],"local":"2026-11-21T10:00:00","nested":{"deep":{"x":1}},"on":true,"share":0.1,"strange key":1,)"
      R"("table":"us\"er\\s\u000a\u0001é","there":"2026-11-21T10:00:00+02:00","tiny":1e-300,"whole":3.0})");
}

TEST_CASE("the environment sets what the file leaves open") {
  const config::Environment environment = {{"KAFKA_BROKERS", "one:9092, two:9093"},
                                           {"KAFKA_CLIENT_ID", "env-client"},
                                           {"KAFKA_SESSION_TIMEOUT", "31000"},
                                           {"KAFKA_HEARTBEAT_INTERVAL", "1000"},
                                           {"KAFKA_MAX_RETRIES", "7"},
                                           {"LOG_LEVEL", "WARN"},
                                           {"KAFKA_AUTO_COMMIT", "false"},
                                           {"UNRELATED", "x"}};
  SECTION("nothing stated: all take effect") {
    const Loaded loaded = load(with("brokers = [\"localhost:9092\"]", ""), environment);
    REQUIRE(loaded);
    CHECK(loaded->kafka.brokers == Lines{"one:9092", "two:9093"});
    CHECK(loaded->kafka.client_id == "env-client");
    CHECK(loaded->kafka.properties.empty());
    CHECK(loaded->handlers[0].kafka == core::Properties{{"session.timeout.ms", "31000"},
                                                        {"heartbeat.interval.ms", "1000"},
                                                        {"max.poll.interval.ms", "300000"}});
    CHECK(loaded->handlers[0].retry.max_retries == 7);
    CHECK(loaded->log_level == "warn");
    CHECK(loaded->from_environment == Lines{"LOG_LEVEL", "KAFKA_BROKERS", "KAFKA_CLIENT_ID",
                                            "KAFKA_SESSION_TIMEOUT", "KAFKA_HEARTBEAT_INTERVAL",
                                            "KAFKA_MAX_RETRIES"});
  }
  SECTION("everything stated: the file wins") {
    const Loaded loaded = load("[host]\nlog_level = \"error\"\n" +
                                   with("brokers = [\"localhost:9092\"]", R"(brokers = ["file:1"]
client_id = "file"
properties = { "session.timeout.ms" = 10000, "heartbeat.interval.ms" = 2000 })") +
                                   "[defaults.retry]\nmax_retries = 2\n",
                               environment);
    REQUIRE(loaded);
    CHECK(loaded->kafka.brokers == Lines{"file:1"});
    CHECK(loaded->kafka.client_id == "file");
    CHECK(loaded->kafka.properties ==
          core::Properties{{"session.timeout.ms", "10000"}, {"heartbeat.interval.ms", "2000"}});
    CHECK(loaded->handlers[0].retry.max_retries == 2);
    CHECK(loaded->log_level == "error");
    CHECK(loaded->from_environment.empty());
  }
  SECTION("an empty variable is not set") {
    const Loaded loaded =
        load(minimal, {{"KAFKA_CLIENT_ID", ""}, {"KAFKA_AUTO_COMMIT", ""}, {"KAFKA_MAX_RETRIES", ""}});
    REQUIRE(loaded);
    CHECK(loaded->kafka.client_id == "hostler");
    CHECK(loaded->from_environment.empty());
  }
}

TEST_CASE("conf.d adds handlers and tables, in the order of the files' names") {
  const TempDir folder;
  const std::string main = folder.write("hostler.toml", minimal).string();
  const std::string handler_text = minimal.substr(minimal.find("[[handler]]"));
  folder.write("conf.d/20-b.toml", with("\"users\"", "\"b\"", with("users-group", "b-group", handler_text)));
  folder.write("conf.d/10-a.toml",
               "[host]\nname = \"named\"\n" +
                   with("\"users\"", "\"a\"",
                        with("users-group", "a-group", with("users.so", "./a.so", handler_text))));
  folder.write("conf.d/readme.txt", "not TOML");
  const Loaded loaded = config::load_config(main, {});
  if (!loaded) FAIL(loaded.error().front().text());
  CHECK(loaded->name == "named");
  REQUIRE(loaded->handlers.size() == 3);
  CHECK(loaded->handlers[0].name == "users");
  CHECK(loaded->handlers[1].name == "a");
  CHECK(loaded->handlers[1].plugin == (folder / "conf.d/a.so").string());
  CHECK(loaded->handlers[2].name == "b");
  CHECK_THAT(loaded->handlers[2].where, contains("conf.d/20-b.toml:1"));

  folder.write("conf.d/30-c.toml", "[kafka]\nbrokers = [\"x:1\"]\n[hots]\n");
  const Loaded twice = config::load_config(main, {});
  REQUIRE_FALSE(twice);
  CHECK(twice.error().size() == 1);
  CHECK_THAT(twice.error()[0].text(),
             contains("30-c.toml:2:1: 'brokers' is stated already in ") && contains("hostler.toml:2"));
}
