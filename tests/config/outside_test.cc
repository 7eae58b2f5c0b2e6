// What comes from outside the files: the documents' variables, ${…} in values, and where `--show` says that a value is from.
// Secrets are masked wherever they come from.
#include <map>

#include "config_text.h"
#include "support/catch.h"

using namespace hostler;
using namespace hostler::testing;
using namespace std::chrono_literals;

namespace {

struct Shown {
  Loaded config;
  std::map<std::string, std::string> values, sources;
};

Shown show(const std::string& toml, const config::Environment& environment = {}) {
  const TempDir folder;
  std::vector<config::Setting> settings;
  Shown shown{config::load_config(folder.write("hostler.toml", toml).string(), environment, &settings), {}, {}};
  if (!shown.config) FAIL(shown.config.error().front().text());
  const std::string prefix = folder.path().string() + "/";
  for (config::Setting& setting : settings) {
    CHECK(shown.values.emplace(setting.key, setting.value).second); // no key twice
    if (setting.source.starts_with(prefix)) setting.source.erase(0, prefix.size());
    shown.sources[setting.key] = setting.source;
  }
  return shown;
}

} // namespace

TEST_CASE("the documents' variables set what the files leave open") {
  const std::string handler = with("start = \"earliest\"\n", "", with("group = \"users-group\"\n", ""));
  const Shown all = show(with("brokers = [\"localhost:9092\"]", "", handler),
                         {{"KAFKA_BROKERS", "a:1,b:2"},
                          {"KAFKA_CLIENT_ID", "me"},
                          {"KAFKA_GROUP_ID", "env-group"},
                          {"KAFKA_FROM_BEGINNING", "false"},
                          {"KAFKA_SESSION_TIMEOUT", "40000"},
                          {"KAFKA_HEARTBEAT_INTERVAL", "4000"},
                          {"KAFKA_MAX_RETRIES", "5"},
                          {"KAFKA_RETRY_DELAY_MS", "1000"},
                          {"KAFKA_DLQ_ENABLED", "true"},
                          {"KAFKA_AUTO_COMMIT", "false"},
                          {"KAFKA_ENABLED", "false"},
                          {"DEFAULT_PARTITIONS", "8"},
                          {"DEFAULT_REPLICATION_FACTOR", "3"},
                          {"MESSAGE_RETENTION_DAYS", "30"},
                          {"KAFKA_SASL_ENABLED", "true"},
                          {"KAFKA_SASL_MECHANISM", "PLAIN"},
                          {"KAFKA_SASL_USERNAME", "user"},
                          {"KAFKA_SASL_PASSWORD", "hunter2"},
                          {"KAFKA_SSL_ENABLED", "true"},
                          {"SCHEMA_REGISTRY_URL", "http://r:8081"},
                          {"PRODUCER_ACKS", "all"},
                          {"PRODUCER_COMPRESSION", "snappy"},
                          {"LOG_LEVEL", "Warning"}});
  const core::HostConfig& config = *all.config;
  const core::HandlerConfig& h = config.handlers[0];
  CHECK(config.kafka.brokers == Lines{"a:1", "b:2"});
  CHECK(config.kafka.client_id == "me");
  CHECK(h.group == "env-group");
  CHECK(h.start == core::Start::latest);
  CHECK(h.session_timeout == 40s);
  CHECK(h.heartbeat == 4s);
  CHECK(h.retry.max_retries == 5);
  REQUIRE(h.retry.delays.size() == 1);
  CHECK(h.retry.delays[0].duration == 1s);
  CHECK_FALSE(h.enabled);
  CHECK(config.topics.partitions == 8);
  CHECK(config.topics.replication == 3);
  CHECK(config.topics.retention == 30 * 24h);
  CHECK(config.kafka.properties == core::Properties{{"sasl.mechanisms", "PLAIN"},
                                                    {"sasl.username", "user"},
                                                    {"sasl.password", "hunter2"},
                                                    {"security.protocol", "SASL_SSL"},
                                                    {"compression.codec", "snappy"}});
  CHECK(config.kafka.schema_registry == "http://r:8081");
  CHECK(config.log_level == "warn");
  CHECK(config.from_environment.size() == 19);

  CHECK(all.sources.at("handler.users.group") == "environment variable KAFKA_GROUP_ID");
  CHECK(all.sources.at("kafka.brokers") == "environment variable KAFKA_BROKERS");
  CHECK(all.values.at("kafka.properties.\"sasl.password\"") == "\"***\"");
  for (const auto& [key, value] : all.values) {
    INFO(key);
    CHECK(value.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("what a file states wins over a variable, also as a librdkafka property") {
  const Shown shown = show(with("[ledger]", "[kafka.properties]\nsession.timeout.ms = 20000\n\"compression.codec\" = \"gzip\"\n[ledger]"),
                           {{"KAFKA_SESSION_TIMEOUT", "40000"},
                            {"PRODUCER_COMPRESSION", "snappy"},
                            {"KAFKA_GROUP_ID", "env"},
                            {"KAFKA_FROM_BEGINNING", "false"}});
  CHECK(shown.config->handlers[0].session_timeout == 20s);
  CHECK(shown.config->kafka.properties.at("compression.codec") == "gzip");
  CHECK(shown.config->handlers[0].group == "users-group");
  CHECK(shown.config->handlers[0].start == core::Start::earliest);
}

TEST_CASE("variables that cannot be meant are refused") {
  const auto wrong = [](const config::Environment& environment) { return errors_of(minimal, environment); };
  CHECK(wrong({{"KAFKA_DLQ_ENABLED", "false"}}) ==
        Lines{"environment: KAFKA_DLQ_ENABLED can only be true: a record that fails for good goes to the dead letters, or it "
              "would be lost"});
  CHECK(wrong({{"PRODUCER_ACKS", "1"}}) ==
        Lines{"environment: PRODUCER_ACKS can only be all: copies and dead letters need acks from all replicas"});
  CHECK(wrong({{"PRODUCER_ACKS", "-1"}}).empty());
  CHECK(wrong({{"KAFKA_FROM_BEGINNING", "yes"}}) ==
        Lines{"environment: KAFKA_FROM_BEGINNING is 'yes'; it can be true or false"});
  CHECK(wrong({{"KAFKA_SASL_ENABLED", "true"}}) ==
        Lines{"environment: KAFKA_SASL_ENABLED is true, but not which mechanism; set KAFKA_SASL_MECHANISM or state "
              "sasl_mechanism in [kafka]: \"PLAIN\", \"SCRAM-SHA-256\", \"SCRAM-SHA-512\""});
  CHECK(wrong({{"KAFKA_SASL_ENABLED", "false"}, {"KAFKA_SASL_USERNAME", "x"}}).at(0) ==
        "environment: KAFKA_SASL_ENABLED is false, but KAFKA_SASL_USERNAME is set; unset one of them");
  CHECK(wrong({{"KAFKA_GROUP_ID", "a"}, {"CONSUMER_GROUP_ID", "b"}}) ==
        Lines{"environment: CONSUMER_GROUP_ID and the environment variable KAFKA_GROUP_ID mean the same and differ; unset "
              "one of them"});
  CHECK(wrong({{"KAFKA_GROUP_ID", "a"}, {"CONSUMER_GROUP_ID", "a"}}).empty());
  CHECK(wrong({{"MESSAGE_RETENTION_DAYS", "0"}}) ==
        Lines{"environment variable MESSAGE_RETENTION_DAYS: 'retention' is '0d'; it can be 1s to 3650d"});
}

TEST_CASE("values from variables, files and credentials") {
  const TempDir folder;
  folder.write("secrets/password", "hunter2\n");
  folder.write("credentials/db", "hunter3");
  const std::string toml = with("sqlite:///tmp/ledger.db", "postgresql://app:${credential:db}@${env:DB_HOST}/x") + R"([handler.config]
plain = "${env:PLAIN} and $${env:PLAIN}, ${unlike} ${ too"
deep = { list = ["a", "${file:secrets/password}"] }
api_token = "stated"
[kafka.properties]
"sasl.password" = "${file:secrets/password}"
)";
  const std::string main = folder.write("hostler.toml", toml).string();
  std::vector<config::Setting> settings;
  const Loaded config = config::load_config(main, {{"DB_HOST", "db.example"}, {"PLAIN", "words"}, {"CREDENTIALS_DIRECTORY", (folder / "credentials").string()}}, &settings);
  if (!config) FAIL(config.error().front().text());
  CHECK(config->ledger.url == "postgresql://app:hunter3@db.example/x");
  CHECK(config->kafka.properties.at("sasl.password") == "hunter2");
  CHECK(config->handlers[0].config_json ==
        R"({"api_token":"stated","deep":{"list":["a","hunter2"]},"plain":"words and ${env:PLAIN}, ${unlike} ${ too"})");
  std::map<std::string, config::Setting> by_key;
  for (const config::Setting& setting : settings) {
    CHECK(setting.value.find("hunter") == std::string::npos);
    by_key[setting.key] = setting;
  }
  CHECK(by_key["ledger.url"].value == "\"postgresql://app:***@***/x\"");
  CHECK_THAT(by_key["ledger.url"].source, contains("hostler.toml:4, credential db, environment variable DB_HOST"));
  CHECK(by_key["handler.users.config.deep"].value == R"({ list = ["a", "***"] })");
  CHECK(by_key["handler.users.config.api_token"].value == "\"***\"");
  CHECK(by_key["handler.users.config.plain"].value == R"("*** and ${env:PLAIN}, ${unlike} ${ too")");
}

TEST_CASE("what cannot be had is an error at its string") {
  const auto wrong = [](const std::string& value, const config::Environment& environment = {}) {
    return errors_of(with("\"users\"", "\"" + value + "\""), environment);
  };
  CHECK(wrong("${env:NOPE}") == Lines{"hostler.toml:6:8: '${env:NOPE}' is not set in the environment"});
  CHECK(wrong("${file:nope}") ==
        Lines{"hostler.toml:6:8: '${file:nope}': nope cannot be read: No such file or directory"});
  CHECK_THAT(wrong("${file:.}").at(0), contains("is a folder"));
  CHECK(wrong("${credential:x}") ==
        Lines{"hostler.toml:6:8: '${credential:x}' needs systemd: $CREDENTIALS_DIRECTORY is not set; state "
              "LoadCredential=x:PATH in the unit, or use ${file:PATH}"});
  CHECK(wrong("${credential:../x}", {{"CREDENTIALS_DIRECTORY", "/"}}) ==
        Lines{"hostler.toml:6:8: '${credential:../x}' is no name of a credential: it has a slash"});
  CHECK(wrong("${evn:X}") == Lines{"hostler.toml:6:8: '${evn:X}' has an unknown source; there are ${env:NAME}, ${file:PATH} "
                                   "and ${credential:NAME}, and $${ stands for ${"});
  CHECK(wrong("${env:X").at(0) == "hostler.toml:6:8: has '${env:' without a closing brace");
  CHECK(wrong("${env:}").at(0) == "hostler.toml:6:8: '${env:}' names nothing");
}

TEST_CASE("errors never repeat what came from outside") {
  const std::string secret = "hunter2 with spaces";
  for (const std::string& line : {std::string("name = \"${env:S}\""), std::string("name = \"x${env:S}y\"")}) {
    const Lines errors = errors_of(with("name = \"users\"", line), {{"S", secret}});
    REQUIRE(errors.size() == 1);
    INFO(errors[0]);
    CHECK(errors[0].find("hunter2") == std::string::npos);
    CHECK_THAT(errors[0], contains("***"));
  }
  const std::string lengthy(300, 'h');
  for (const char* const line : {"event_id = \"${env:S}\"", "event_id = \"key\"\ntimeout = \"${env:S}\"", "event_id = \"key\"\nstart_ = \"${env:S}\"",
                                 "event_id = \"key\"\non_missing_id = \"${env:S}\""}) {
    const Lines errors = errors_of(with("event_id = \"json:/eventId\"", line), {{"S", lengthy}});
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].find("hhhh") == std::string::npos);
  }
}

TEST_CASE("every value says where it comes from") {
  const Shown shown = show("[defaults]\ntimeout = \"9s\"\n" + minimal + "[handler.retry]\nmax_retries = 2\n", {{"KAFKA_CLIENT_ID", "me"}});
  const auto is = [&](const std::string& key, const std::string& value, const std::string& source) {
    INFO(key);
    CHECK(shown.values.at(key) == value);
    CHECK(shown.sources.at(key) == source);
  };
  is("host.name", "\"hostler\"", "default");
  is("host.memory", "\"512M\"", "default");
  is("kafka.brokers", "[\"localhost:9092\"]", "hostler.toml:4");
  is("kafka.client_id", "\"me\"", "environment variable KAFKA_CLIENT_ID");
  is("handler.users.timeout", "\"9s\"", "hostler.toml:2");
  is("handler.users.retry.max_retries", "2", "hostler.toml:16");
  is("handler.users.retry.delays", "[\"1m\", \"5m\", \"30m\"]", "default");
  is("handler.users.session_timeout", "\"30s\"", "default");
  is("handler.users.start", "\"earliest\"", "hostler.toml:13");
}
