// The program itself: exit codes, what goes to stdout and stderr, what `check` and `ledger migrate` find on real parts.
#include <librdkafka/rdkafka.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/catch.h"
#include "support/kafka_client.h"
#include "support/postgres.h"
#include "support/process.h"
#include "support/sqlite.h"
#include "support/temp_dir.h"

using namespace hostler::testing;
namespace fs = std::filesystem;

namespace {

// A configuration of the interview plugin's user-service; nothing listens on port 1.
std::string config_text(const std::string& ledger_url, const std::string& brokers = "127.0.0.1:1",
                        const std::string& topic = "user-events") {
  return R"([host]
plugin_dirs = [")" +
         std::string(HOSTLER_PLUGIN_DIR) + R"("]
[kafka]
brokers = [")" +
         brokers + R"("]
[ledger]
url = ")" +
         ledger_url + R"("
[[handler]]
name = "user-service"
plugin = "interview.so"
handler = "interview.user-service"
topics = [")" +
         topic + R"("]
group = ")" +
         topic + R"(-group"
start = "earliest"
event_id = "json:/eventId"
event_type = "json:/eventType"
migrations = ")" +
         std::string(HOSTLER_SOURCE_DIR) + R"(/plugins/interview/migrations"
)";
}

} // namespace

TEST_CASE("the client is the one that the tests were asked to run on, here and in the host") {
  const char* const wanted = getenv("HOSTLER_TEST_LIBRDKAFKA"); // by ./dev test --librdkafka
  if (wanted != nullptr) CHECK(std::string(rd_kafka_version_str()) == wanted);
  const Finished version = program({"version"});
  INFO(version.output);
  const bool limits = rd_kafka_version() < 0x020c00ff;
  CHECK_THAT(version.output, contains(std::string("librdkafka ") + rd_kafka_version_str() +
                                      (limits ? "; known of this version:" : ", without limits known to Hostler")));
  CHECK((version.output.find("KIP-848") != std::string::npos) == limits);
}

TEST_CASE("version and help exit with 0, usage errors with 2") {
  const Finished version = program({"version"});
  CHECK(version.status.code == 0);
  CHECK_THAT(version.output,
             contains("hostler ") && contains("librdkafka ") && contains("plugin interface "));
  CHECK(program({"--help"}).status.code == 0);
  CHECK(program({"run", "--help"}).status.code == 0);
  CHECK(program({}).status.code == 2);
  CHECK(program({"nonsense"}).status.code == 2);
  CHECK(program({"run", "--conf", "x"}).status.code == 2);
}

TEST_CASE("a wrong configuration exits with 2 and prints every error") {
  const TempDir folder;
  const std::string file = folder.write("x.toml", "[host]\nnam = 1\n").string();
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"run"}, {"check"}, {"ledger", "migrate"}}) {
    std::vector<std::string> all = words;
    all.insert(all.end(), {"--config", file});
    const Finished done = program(all);
    CHECK(done.status.code == 2);
    CHECK_THAT(done.output, contains(file + ":2:1: unknown key 'nam'") &&
                                contains("[kafka] needs 'brokers'") && contains("there is no [[handler]]"));
  }
  const Finished json = program({"check", "--json", "--config", file});
  CHECK(json.status.code == 2);
  CHECK(nlohmann::json::parse(json.output)["findings"].size() == 3);
  CHECK(program({"run", "--config", folder.path().string()}).status.code == 2);
}

TEST_CASE("ledger migrate brings a database up to date, and shows what it would do") {
  const TempDir folder;
  const fs::path database = folder / "ledger.db";
  const std::string file = folder.write("x.toml", config_text("sqlite://" + database.string())).string();

  const Finished dry = program({"ledger", "migrate", "--dry-run", "--config", file});
  INFO(dry.output);
  CHECK(dry.status.code == 0);
  CHECK_THAT(dry.output, contains("pending hostler 0001_") && contains("pending user-service 0001_"));
  CHECK_FALSE(fs::exists(database));

  const Finished done = program({"ledger", "migrate", "--config", file});
  CHECK(done.status.code == 0);
  CHECK_THAT(done.output, contains("applied hostler 0001_") && contains("applied user-service 0001_"));
  CHECK(Sqlite(database).number("select count(*) from processed_events") == 0);

  const Finished again = program({"ledger", "migrate", "--config", file});
  CHECK(again.status.code == 0);
  CHECK_THAT(again.output, contains("up to date"));
}

TEST_CASE("ledger migrate without a ledger exits with 2, with an unreachable one with 3") {
  const TempDir folder;
  const std::string none = folder
                               .write("none.toml", R"([kafka]
brokers = ["127.0.0.1:1"]
[[handler]]
name = "a"
plugin = "p.so"
handler = "h"
topics = ["t"]
group = "g"
start = "earliest"
idempotency = "off"
)")
                               .string();
  CHECK(program({"ledger", "migrate", "--config", none}).status.code == 2);
  const std::string down =
      folder.write("down.toml", config_text("postgresql://bob:hunter2@127.0.0.1:1/x")).string();
  const Finished done = program({"ledger", "migrate", "--config", down});
  INFO(done.output);
  CHECK(done.status.code == 3);
  CHECK_THAT(done.output, !contains("hunter2"));
}

TEST_CASE("check with broker and database down exits with 3, with something wrong besides with 1") {
  const TempDir folder;
  std::string text = config_text("postgresql://bob:hunter2@127.0.0.1:1/x");
  const Finished down = program({"check", "--config", folder.write("x.toml", text).string()});
  INFO(down.output);
  CHECK(down.status.code == 3);
  CHECK_THAT(down.output, contains("unreachable  broker") && contains("unreachable  database") &&
                              contains("interview.so has 'interview.user-service'"));
  CHECK_THAT(down.output, !contains("hunter2"));

  // Two handlers, each wrong in its own way.
  const std::string handler = text.substr(text.find("[[handler]]"));
  const auto with = [](std::string in, const std::string& from, const std::string& to) {
    return in.replace(in.find(from), from.size(), to);
  };
  text += with(with(with(handler, "user-service", "second"), "user-events-group", "g2"),
               "interview.user-service", "interview.nobody");
  text = with(text, "interview.so", "missing.so");
  const Finished wrong = program({"check", "--config", folder.write("x.toml", text).string()});
  INFO(wrong.output);
  CHECK(wrong.status.code == 1);
  CHECK_THAT(wrong.output,
             contains("wrong        plugin") && contains("missing.so") && contains("interview.nobody"));
}

TEST_CASE("check on a real broker and database: pending migrations, missing topics, then all fine") {
  const TempDir folder;
  const PostgresSchema schema;
  KafkaClient kafka;
  const std::string topic = unique_prefix() + "users";
  const std::string file =
      folder.write("x.toml", config_text(schema.url(), kafka_bootstrap(), topic)).string();

  const Finished before = program({"check", "--config", file});
  INFO(before.output);
  CHECK(before.status.code == 1);
  CHECK_THAT(before.output, contains(topic + " does not exist") && contains("pending in [ledger] (hostler 0001_") &&
                                contains("hostler ledger migrate --config " + file));
  CHECK_FALSE(kafka.has_topic(topic));

  kafka.create_topic(topic, 3);
  CHECK(program({"ledger", "migrate", "--config", file}).status.code == 0);
  const Finished after = program({"check", "--config", file});
  INFO(after.output);
  CHECK(after.status.code == 0);
  CHECK_THAT(after.output, contains(topic + ": 3 partitions, read by 'user-service'") &&
                               contains("will be created with 3 partitions") && contains("none pending"));
  CHECK_FALSE(kafka.has_topic(topic + "." + topic + "-group.dlq"));

  const auto json = nlohmann::json::parse(program({"check", "--json", "--config", file}).output);
  CHECK(json["fine"] == true);
  CHECK(json["findings"].size() >= 8);
}

TEST_CASE("check says what a handler will do, and with which client") {
  const TempDir folder;
  const PostgresSchema schema;
  KafkaClient kafka;
  const std::string topic = unique_prefix() + "users";
  kafka.create_topic(topic, 2);
  const std::string file = folder.write("x.toml", config_text(schema.url(), kafka_bootstrap(), topic)).string();
  CHECK(program({"ledger", "migrate", "--config", file}).status.code == 0);
  const Finished fresh = program({"check", "--config", file});
  INFO(fresh.output);
  CHECK(fresh.status.code == 0);
  const std::string group = topic + "-group";
  CHECK_THAT(fresh.output, contains("'user-service' reads " + topic + " as group " + group +
                                    ", which is new and begins at the earliest record; settles in [ledger]; writes " +
                                    topic + "." + group + ".retry.1m"));
  CHECK_THAT(fresh.output, contains("client         librdkafka ") && contains(" answers, PostgreSQL "));
  kafka.set_committed(group, topic, 1, 0);
  CHECK_THAT(program({"check", "--config", file}).output, contains("goes on where it has committed (1 partition)"));
}

TEST_CASE("check tries the very file that a handler pins by its hash") {
  const TempDir folder;
  const auto checked = [&](const std::string& sha256) {
    const std::string text = config_text("sqlite://" + (folder / "ledger.db").string()) + "sha256 = \"" + sha256 + "\"\n";
    return program({"check", "--config", folder.write("x.toml", text).string()});
  };
  const std::string right = run({"sha256sum", std::string(HOSTLER_PLUGIN_DIR) + "/interview.so"}).output.substr(0, 64);
  const std::string wrong(64, '0');
  const Finished other = checked(wrong);
  INFO(other.output);
  CHECK(other.status.code == 1);
  CHECK_THAT(other.output, contains("wrong        plugin") && contains("its SHA-256 is " + right + ", not " + wrong));
  const Finished same = checked(right);
  INFO(same.output);
  CHECK_THAT(same.output, !contains("wrong        plugin") && !contains("SHA-256"));
}

TEST_CASE("check finds what the database would refuse") {
  const PostgresSchema schema;
  Postgres server = schema.connect();
  const std::string role = "r" + unique_prefix().substr(0, 20) + "limited";
  const std::string quoted = "\"" + role + "\"";
  server.query("CREATE ROLE " + quoted + " LOGIN PASSWORD 'hunter2' CONNECTION LIMIT 3");
  const auto with = [](std::string in, const std::string& from, const std::string& to) {
    return in.replace(in.find(from), from.size(), to);
  };
  std::string url = schema.url();
  const std::size_t user = url.find("://") + 3;
  url.replace(user, url.find('@') - user, role);
  const TempDir folder;
  folder.write("password", "hunter2\n");
  const std::string text = with(config_text(url), "[ledger]", "[ledger]\npassword_file = \"password\"");
  const std::string file = folder.write("x.toml", text).string();

  server.query("GRANT USAGE ON SCHEMA " + schema.name() + " TO " + quoted);
  const Finished refused = program({"check", "--config", file});
  INFO(refused.output);
  CHECK(refused.status.code == 1);
  CHECK_THAT(refused.output, contains("max_sessions = 16 in [ledger] and one for the health probe, but the role's CONNECTION LIMIT leaves 3; lower the "
                                      "one or raise the other"));
  CHECK_THAT(refused.output, contains("would fail: the role " + role + " may not create tables in schema " + schema.name() +
                                      "; run: GRANT CREATE ON SCHEMA"));
  CHECK_THAT(refused.output, !contains("hunter2"));

  server.query("ALTER ROLE " + quoted + " CONNECTION LIMIT 20");
  server.query("GRANT CREATE ON SCHEMA " + schema.name() + " TO " + quoted);
  server.query("ALTER ROLE " + quoted + " SET default_transaction_read_only = on");
  const Finished read_only = program({"check", "--config", file});
  INFO(read_only.output);
  CHECK_THAT(read_only.output, contains("cannot be written: its transactions are read-only"));
  CHECK_THAT(read_only.output, !contains("CONNECTION LIMIT") && !contains("would fail"));
  server.query("ALTER ROLE " + quoted + " RESET default_transaction_read_only");
  const Finished fine = program({"check", "--config", file});
  CHECK_THAT(fine.output, !contains("cannot be written"));

  // Somebody else made the tables. What is old is deleted from them.
  const std::string owned = folder.write("owner.toml", config_text(schema.url())).string();
  REQUIRE(program({"ledger", "migrate", "--config", owned}).status.code == 0);
  server.query("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA " + schema.name() + " TO " + quoted);
  server.query("GRANT DELETE ON " + schema.name() + ".hostler_delegated TO " + quoted);
  const Finished keeps = program({"check", "--config", file});
  INFO(keeps.output);
  CHECK_THAT(keeps.output, contains("the role " + role + " may not write the ledger's tables; grant it SELECT, INSERT, UPDATE and DELETE on them"));
  server.query("GRANT DELETE ON " + schema.name() + ".processed_events, " + schema.name() + ".hostler_suspect, " + schema.name() + ".hostler_crash TO " + quoted);
  CHECK_THAT(program({"check", "--config", file}).output, !contains("cannot be written"));

  server.query("DROP OWNED BY " + quoted);
  server.query("DROP ROLE " + quoted);
}

TEST_CASE("every one of several databases is migrated and checked") {
  const TempDir folder;
  const std::string text = config_text("sqlite://" + (folder / "a.db").string()) + "ledger = \"second\"\n[ledgers.second]\nurl = \"sqlite://" +
                           (folder / "b.db").string() + "\"\n";
  const std::string file = folder.write("x.toml", text).string();
  CHECK_THAT(program({"check", "--config", file}).output, contains("pending in [ledger] (hostler 0001") && contains("pending in [ledgers.second] (hostler 0001"));
  CHECK(program({"ledger", "migrate", "--config", file}).status.code == 0);
  // The handler's own tables are where the handler settles.
  CHECK(Sqlite(folder / "a.db").number("select count(*) from hostler_migration where owner = 'user-service'") == 0);
  CHECK(Sqlite(folder / "b.db").number("select count(*) from hostler_migration where owner = 'user-service'") > 0);
  const Finished after = program({"check", "--config", file});
  CHECK_THAT(after.output, contains("none pending in [ledger]") && contains("none pending in [ledgers.second]"));
}

TEST_CASE("check finds files that cannot be used") {
  const TempDir folder;
  folder.write("token", "x");
  fs::permissions(folder / "token", fs::perms::owner_read | fs::perms::others_read);
  const std::string text = "[http]\ntoken_file = \"token\"\ntls_certificate = \"none.crt\"\ntls_key = \"none.key\"\n" +
                           config_text("sqlite://" + (folder / "a.db").string());
  const std::string file = folder.write("x.toml", text.substr(0, text.find("[kafka]")) + "log_file = \"nowhere/log\"\nstate_dir = \"token/state\"\n" + text.substr(text.find("[kafka]"))).string();
  const Finished done = program({"check", "--config", file});
  INFO(done.output);
  CHECK(done.status.code == 1);
  CHECK_THAT(done.output, contains("[http] token_file: " + (folder / "token").string() + " can be read by others; run: chmod 600 ") &&
                              contains("[http] tls_certificate: " + (folder / "none.crt").string() + " cannot be read: No such file") &&
                              contains("[http] tls_key: ") && contains("[host] log_file: " + (folder / "nowhere").string() + " cannot be written") &&
                              contains("[host] state_dir: " + (folder / "token/state").string() + " cannot be made or written in (see " + (folder / "token").string() + ")"));
}

TEST_CASE("check --show prints every value and its source, and asks nobody") {
  const TempDir folder;
  const std::string file = folder.write("x.toml", config_text("postgresql://bob:hunter2@127.0.0.1:1/x")).string();
  const Finished shown = run({"/usr/bin/env", "KAFKA_MAX_RETRIES=7", HOSTLER_BINARY, "check", "--show", "--config", file});
  INFO(shown.output);
  CHECK(shown.status.code == 0);
  CHECK_THAT(shown.output, contains("\"postgresql://bob:***@127.0.0.1:1/x\"") && contains("# " + file + ":") && contains("# default") &&
                               contains("# environment variable KAFKA_MAX_RETRIES") && !contains("hunter2"));
  const auto json = nlohmann::json::parse(program({"check", "--show", "--json", "--config", file}).output);
  bool found = false;
  for (const auto& setting : json["settings"]) {
    if (setting["key"] != "handler.user-service.retry.max_retries") continue;
    found = true;
    CHECK(setting["value"] == 3);
    CHECK(setting["source"] == "default");
  }
  CHECK(found);
  CHECK(program({"check", "--show", "--schema"}).status.code == 2);
  CHECK(program({"check", "--show", "--config", (folder / "none").string()}).status.code == 2);
}

TEST_CASE("check --schema prints a JSON Schema, without a configuration") {
  const Finished schema = program({"check", "--schema"});
  CHECK(schema.status.code == 0);
  CHECK(nlohmann::json::parse(schema.output)["$schema"] == "http://json-schema.org/draft-07/schema#");
}

TEST_CASE("cooperative assignment with a client that loses commits by it does not start") {
  if (program({"version"}).output.find("cooperative-sticky") == std::string::npos) return; // a client that does not
  const TempDir folder;
  const std::string text = config_text("sqlite://" + (folder / "a.db").string()) + "assignment = \"cooperative-sticky\"\n";
  const std::string file = folder.write("x.toml", text).string();
  CHECK(program({"ledger", "migrate", "--config", file}).status.code == 0);
  const Finished run_it = program({"run", "--config", file});
  INFO(run_it.output);
  CHECK(run_it.status.code == 2);
  CHECK_THAT(run_it.output, contains("can lose an assignment") && contains("2.10.0"));
  const Finished checked = program({"check", "--config", file});
  INFO(checked.output);
  CHECK(checked.status.code == 1);
  CHECK_THAT(checked.output, contains("can lose an assignment"));
}

TEST_CASE("a login that the brokers refuse is wrong, not unreachable") {
  const TempDir folder;
  folder.write("password", "hunter2");
  const std::string text = config_text("sqlite://" + (folder / "a.db").string(), kafka_bootstrap());
  const auto with = [&](const std::string& lines) {
    std::string changed = text;
    return folder.write("x.toml", changed.replace(changed.find("[ledger]"), 0, lines)).string();
  };
  // The brokers of the tests take neither.
  const Finished sasl = program({"check", "--config", with("sasl_mechanism = \"SCRAM-SHA-256\"\nsasl_username = \"u\"\nsasl_password_file = \"password\"\n")});
  INFO(sasl.output);
  CHECK(sasl.status.code == 1);
  CHECK_THAT(sasl.output, contains("wrong        broker         the login is refused: ") && contains("SASL SCRAM-SHA-256") && !contains("hunter2"));
  const bool old_client = program({"version"}).output.find("SCRAM fails") != std::string::npos;
  CHECK_THAT(sasl.output, contains(old_client ? "cannot do SCRAM with Apache Kafka 4: use PLAIN over TLS" : "'sasl_mechanism' in [kafka] must be one that the brokers offer"));
  const Finished tls = program({"check", "--config", with("tls = true\n")});
  INFO(tls.output);
  CHECK_THAT(tls.output, contains("the login is refused: ") && contains("is this a TLS listener? Look at 'tls' in [kafka]"));
}

TEST_CASE("check finds properties that the client does not take") {
  const TempDir folder;
  std::string text = config_text("sqlite://" + (folder / "a.db").string());
  text.insert(text.find("[ledger]"), "[kafka.properties]\n\"linger.ms\" = \"soon\"\n");
  text += "[handler.kafka]\n\"fetch.wait.max.msec\" = 5\n";
  const Finished done = program({"check", "--config", folder.write("x.toml", text).string()});
  INFO(done.output);
  CHECK(done.status.code == 1);
  CHECK_THAT(done.output, contains("handler 'user-service' (") && contains("refuses the property fetch.wait.max.msec") &&
                              contains("refuses the property linger.ms"));
}
