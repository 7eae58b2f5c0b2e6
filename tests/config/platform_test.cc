// The keys around handlers: http, named clusters and ledgers, SASL and TLS, membership, defaults that handlers inherit.
#include "config_text.h"
#include "support/catch.h"

using namespace hostler;
using namespace hostler::testing;
using namespace std::chrono_literals;

namespace {

const std::string id = "event_id = \"json:/eventId\"";

core::HostConfig loaded(const std::string& toml, const config::Environment& environment = {}) {
  Loaded result = load(toml, environment);
  if (!result) FAIL(result.error().front().text());
  return std::move(*result);
}

} // namespace

TEST_CASE("host and http keys are read, and have their documented defaults") {
  const core::HostConfig plain = loaded(minimal);
  CHECK(plain.log_format == core::LogFormat::automatic);
  CHECK(plain.log_file.empty());
  CHECK(plain.audit_log.empty());
  CHECK(plain.state_dir.empty());
  CHECK(plain.drain_timeout == 30s);
  CHECK(plain.http.listen == "127.0.0.1:9464");
  CHECK(plain.http.unix_socket.empty());
  CHECK(plain.http.max_connections == 128);
  const core::HostConfig stated = loaded(R"([host]
log_format = "journald"
log_file = "log"
audit_log = "/var/log/audit"
state_dir = "state"
drain_timeout = "2m"
[http]
listen = ""
unix = "/run/hostler.sock"
token_file = "token"
tls_certificate = "a.crt"
tls_key = "/a.key"
max_connections = 5
)" + minimal);
  CHECK(stated.log_format == core::LogFormat::journald);
  CHECK(stated.log_file.ends_with("/log"));
  CHECK(stated.log_file.starts_with("/"));
  CHECK(stated.audit_log == "/var/log/audit");
  CHECK(stated.state_dir.ends_with("/state"));
  CHECK(stated.state_dir.starts_with("/"));
  CHECK(stated.drain_timeout == 2min);
  CHECK(stated.http.listen.empty());
  CHECK(stated.http.unix_socket == "/run/hostler.sock");
  CHECK(stated.http.token_file.ends_with("/token"));
  CHECK(stated.http.tls_certificate.ends_with("/a.crt"));
  CHECK(stated.http.tls_key == "/a.key");
  CHECK(stated.http.max_connections == 5);
  for (const char* const wrong : {"localhost", ":80", "a:b", "a:65536", "a:"}) {
    CHECK(errors_of("[http]\nlisten = \"" + std::string(wrong) + "\"\n" + minimal) ==
          Lines{"hostler.toml:2:10: 'listen' is '" + std::string(wrong) +
                "'; it can be host:port, such as \"127.0.0.1:9464\", or \"\" for none"});
  }
  CHECK(errors_of("[http]\ntls_key = \"a\"\nmax_connections = 0\n[host]\nlog_format = \"xml\"\ndrain_timeout = \"0s\"\n" +
                  minimal) ==
        Lines{"hostler.toml:2:11: 'tls_key' needs 'tls_certificate' too",
              "hostler.toml:3:19: 'max_connections' is 0; it can be 1 to 10000",
              "hostler.toml:5:14: 'log_format' is 'xml'; it can be \"auto\", \"human\", \"json\", \"journald\"",
              "hostler.toml:6:17: 'drain_timeout' is '0s'; it can be 1s to 1d"});
}

TEST_CASE("membership keys are librdkafka's properties by another name") {
  const core::HandlerConfig handler = loaded(with(id, id + R"(
session_timeout = "45s"
heartbeat = "5s"
poll_interval = "10m"
assignment = "roundrobin"
instance_id = "host-1"
rate_limit = 1000
sha256 = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
breaker = { failure_rate = 1, window = "1m", min_records = 5 }
)")).handlers.at(0);
  CHECK(handler.kafka == core::Properties{{"session.timeout.ms", "45000"},
                                          {"heartbeat.interval.ms", "5000"},
                                          {"max.poll.interval.ms", "600000"},
                                          {"partition.assignment.strategy", "roundrobin"},
                                          {"group.instance.id", "host-1"}});
  CHECK(handler.session_timeout == 45s);
  CHECK(handler.heartbeat == 5s);
  CHECK(handler.poll_interval == 10min);
  CHECK(handler.assignment == core::Assignment::roundrobin);
  CHECK(handler.instance_id == "host-1");
  CHECK(handler.rate_limit == 1000);
  CHECK(handler.plugin_sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(handler.breaker.failure_rate == 1.0);
  CHECK(handler.breaker.window == 1min);
  CHECK(handler.breaker.min_records == 5);
  const core::HandlerConfig plain = loaded(minimal).handlers.at(0);
  CHECK(plain.kafka == core::Properties{{"session.timeout.ms", "30000"},
                                        {"heartbeat.interval.ms", "3000"},
                                        {"max.poll.interval.ms", "300000"}});
  CHECK(plain.rate_limit == 0);
  CHECK(plain.breaker.failure_rate == 0.5);

  CHECK(errors_of(with(id, id + R"(
sha256 = "abc"
instance_id = "a b"
session_timeout = "6s"
breaker = { failure_rate = 0.0 }
assignment = "sticky")")) ==
        Lines{"hostler.toml:5:1: 'heartbeat.interval.ms' (3000) must be at most a third of 'session.timeout.ms' (6000), "
              "or one lost heartbeat ends the membership",
              "hostler.toml:13:10: 'sha256' is no SHA-256 in 64 hexadecimal digits; `sha256sum FILE` prints the plugin's",
              "hostler.toml:14:15: 'instance_id' can have 1 to 200 of a-z, A-Z, 0-9, '.', '_', '-'",
              "hostler.toml:16:28: 'failure_rate' is out of range; it can be 0.01 to 1.0",
              "hostler.toml:17:14: 'assignment' is 'sticky'; it can be \"auto\", \"range\", \"roundrobin\", "
              "\"cooperative-sticky\""});
}

TEST_CASE("a key and the property that means the same are not both stated, and both lines are named") {
  CHECK(errors_of(minimal + "heartbeat = \"1s\"\n[handler.kafka]\n\"heartbeat.interval.ms\" = 1000\n") ==
        Lines{"hostler.toml:13:13: 'heartbeat' and the property 'heartbeat.interval.ms' (hostler.toml:15) mean the same; "
              "state one of them"});
  CHECK(errors_of("[defaults]\nsession_timeout = \"20s\"\n[kafka.properties]\nsession.timeout.ms = 20000\n" + minimal) ==
        Lines{"hostler.toml:2:19: 'session_timeout' and the property 'session.timeout.ms' (hostler.toml:4) mean the same; "
              "state one of them"});
  CHECK(errors_of(with("[ledger]", "sasl_username = \"u\"\ntls = true\n[kafka.properties]\n\"sasl.username\" = \"v\"\n"
                                   "\"sasl.mechanisms\" = \"PLAIN\"\n\"security.protocol\" = \"SSL\"\n[ledger]")) ==
        Lines{"hostler.toml:3:17: 'sasl_username' and the property 'sasl.username' (hostler.toml:6) mean the same; state "
              "one of them",
              "hostler.toml:4:7: 'tls' and the property 'security.protocol' (hostler.toml:8) mean the same; state one of "
              "them"});
  SECTION("what a handler states wins over what holds for all") {
    const core::HostConfig config = loaded("[kafka.properties]\nsession.timeout.ms = 20000\n" + minimal + "session_timeout = \"40s\"\n");
    CHECK(config.handlers[0].kafka.at("session.timeout.ms") == "40000");
    const core::HostConfig other = loaded("[defaults]\nsession_timeout = \"20s\"\n" + minimal + "[handler.kafka]\nsession.timeout.ms = 50000\n");
    CHECK(other.handlers[0].kafka.at("session.timeout.ms") == "50000");
    CHECK(other.handlers[0].session_timeout == 50s);
  }
}

TEST_CASE("defaults reach every handler that does not state its own") {
  const std::string second = with("\"users\"", "\"b\"", with("users-group", "b", minimal.substr(minimal.find("[[handler]]"))));
  const core::HostConfig config = loaded(R"([defaults]
enabled = false
timeout = "7s"
rate_limit = 9
poll_interval = "8m"
[defaults.batch]
max_records = 3
[defaults.breaker]
window = "9s"
[defaults.topics]
partitions = 6
replication = 2
retention = "1d"
)" + minimal + second + "enabled = true\ntimeout = \"1s\"\nbatch = { max_wait = \"5ms\" }\n");
  CHECK_FALSE(config.handlers[0].enabled);
  CHECK(config.handlers[0].timeout == 7s);
  CHECK(config.handlers[0].rate_limit == 9);
  CHECK(config.handlers[0].poll_interval == 8min);
  CHECK(config.handlers[0].breaker.window == 9s);
  CHECK(config.handlers[1].enabled);
  CHECK(config.handlers[1].timeout == 1s);
  CHECK(config.handlers[1].batch.max_records == 3);
  CHECK(config.handlers[1].batch.max_wait == 5ms);
  CHECK(config.topics.partitions == 6);
  CHECK(config.topics.replication == 2);
  CHECK(config.topics.retention == 24h);
  // Wrong in [defaults] is said once, where it stands.
  CHECK(errors_of("[defaults]\ntimeout = \"x\"\nlanes = 3\n[defaults.retry]\nnope = 1\nmax_retries = -1\n" + minimal + second) ==
        Lines{"hostler.toml:2:11: 'timeout' is 'x', which is no duration; write a whole number with ms, s, m, min, h or d, "
              "such as \"30s\"",
              "hostler.toml:3:1: unknown key 'lanes' in [defaults]; it belongs in [[handler]]",
              "hostler.toml:5:1: unknown key 'nope' in [defaults.retry]",
              "hostler.toml:6:15: 'max_retries' is -1; it can be 0 to 1000"});
}

TEST_CASE("SASL and TLS become properties, and passwords come from files") {
  const TempDir folder;
  folder.write("kafka.password", "hunter2\n");
  folder.write("key.password", "hunter3");
  const std::string main = folder.write("hostler.toml", with("[ledger]", R"(sasl_mechanism = "SCRAM-SHA-512"
sasl_username = "me"
sasl_password_file = "kafka.password"
tls = true
tls_ca = "ca.crt"
tls_certificate = "/x/host.crt"
tls_key = "/x/host.key"
tls_key_password_file = "key.password"
compression = "zstd"
schema_registry = "http://registry:8081"
[ledger])")).string();
  const Loaded config = config::load_config(main, {});
  if (!config) FAIL(config.error().front().text());
  CHECK(config->kafka.properties == core::Properties{{"security.protocol", "SASL_SSL"},
                                                     {"sasl.mechanisms", "SCRAM-SHA-512"},
                                                     {"sasl.username", "me"},
                                                     {"sasl.password", "hunter2"},
                                                     {"ssl.ca.location", (folder / "ca.crt").string()},
                                                     {"ssl.certificate.location", "/x/host.crt"},
                                                     {"ssl.key.location", "/x/host.key"},
                                                     {"ssl.key.password", "hunter3"},
                                                     {"compression.codec", "zstd"}});
  CHECK(config->kafka.schema_registry == "http://registry:8081");

  const auto wrong = [](const std::string& lines) { return errors_of(with("[ledger]", lines + "\n[ledger]")); };
  CHECK(wrong("sasl_mechanism = \"PLAIN\"") ==
        Lines{"hostler.toml:3:18: 'sasl_mechanism' needs 'sasl_username'",
              "hostler.toml:3:18: 'sasl_mechanism' needs 'sasl_password_file'"});
  CHECK(wrong("sasl_username = \"x\"") == Lines{"hostler.toml:3:17: 'sasl_username' has no meaning without 'sasl_mechanism'"});
  CHECK(wrong("tls_ca = \"x\"") == Lines{"hostler.toml:3:10: 'tls_ca' has no meaning without tls = true"});
  CHECK(wrong("tls = true\ntls_key = \"x\"") == Lines{"hostler.toml:4:11: 'tls_key' needs 'tls_certificate' too"});
  CHECK(wrong("schema_registry = \"registry:8081\"") ==
        Lines{"hostler.toml:3:19: 'schema_registry' must begin with http:// or https://"});
  CHECK_THAT(wrong("sasl_mechanism = \"PLAIN\"\nsasl_username = \"x\"\nsasl_password_file = \"/none\"").at(0),
             contains("hostler.toml:5:22: /none cannot be read: No such file or directory"));
}

TEST_CASE("named clusters and ledgers are picked by handlers") {
  const TempDir folder;
  folder.write("db.password", "p@ss/w&rd\n");
  const std::string main = folder.write("hostler.toml", minimal + R"(cluster = "other"
ledger = "audit"
[kafka.properties]
"fetch.wait.max.ms" = 7
[kafka.clusters.other]
brokers = ["o:1"]
client_id = "there"
[kafka.clusters.other.properties]
"check.crcs" = true
[ledgers.audit]
url = "postgresql://nobody@h/d?sslmode=require"
role = "auditor"
password_file = "db.password"
max_sessions = 3
retention = "90d"
[ledgers.plain]
url = "sqlite:///x.db"
)").string();
  const Loaded config = config::load_config(main, {});
  if (!config) FAIL(config.error().front().text());
  const core::HandlerConfig& handler = config->handlers[0];
  CHECK(config->cluster_of(handler).brokers == Lines{"o:1"});
  CHECK(config->cluster_of(handler).client_id == "there");
  CHECK(handler.kafka.contains("check.crcs"));
  CHECK_FALSE(handler.kafka.contains("fetch.wait.max.ms"));
  CHECK(config->ledger_of(handler).url ==
        "postgresql://nobody@h/d?sslmode=require&password=p%40ss%2Fw%26rd&user=auditor");
  CHECK(config->ledger_of(handler).max_sessions == 3);
  CHECK(config->ledger_of(handler).retention == 90 * 24h);
  CHECK(config->ledger.retention == 30 * 24h);
  CHECK(config->ledgers.size() == 2);

  CHECK(errors_of(minimal + "cluster = \"x\"\nledger = \"y\"\n[kafka.clusters.a]\n[ledgers.b]\n[ledgers.\"c d\"]\nurl = \"sqlite:///x\"\n") ==
        Lines{"hostler.toml:13:11: 'cluster' is 'x', but there is no [kafka.clusters.x]; there is a",
              "hostler.toml:14:10: 'ledger' is 'y', but there is no [ledgers.y]; there is b",
              "hostler.toml:15:1: [kafka.clusters.NAME] needs 'brokers'; for example brokers = [\"localhost:9092\"]",
              "hostler.toml:16:1: [ledgers.NAME] needs 'url'; for example url = \"postgresql://user@host/database\"",
              "hostler.toml:17:10: 'c d' in [ledgers] is no name; it can have 1 to 64 of a-z, A-Z, 0-9, '_', '-'"});
  CHECK(errors_of(with("url = ", "role = \"x\"\nurl = ")) ==
        Lines{"hostler.toml:4:8: 'role' has no meaning for an SQLite file; leave it out"});
  CHECK(errors_of(with("url = \"sqlite:///tmp/ledger.db\"", "url = \"postgresql://a:b@c/d\"\npassword_file = \"x\"")) ==
        Lines{"hostler.toml:5:17: 'password_file' is stated although 'url' (hostler.toml:4) holds a password; state one of "
              "them"});
}
