// Hosts that prove who they are: TLS, mutual TLS, PLAIN and SCRAM-SHA-512 against a broker that wants it so, and what is said when it
// does not work out.
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "flow/host_fixture.h"
#include "support/catch.h"
#include "support/file.h"
#include "support/private_server.h"

using namespace hostler::flow;

namespace {

// SCRAM fails against Apache Kafka 4 below.
const bool scram_works = rd_kafka_version() >= 0x020601ff;

// Two authorities of its own, and certificates of the first one.
class Certificates {
 public:
  Certificates() {
    for (const std::string name : {"authority", "stranger"})
      openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=" + name,
               "-keyout", file(name + ".key"), "-out", file(name + ".crt")});
    folder_.write("names", "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
    issue("broker", "authority");
    issue("host", "authority");
    issue("intruder", "stranger");
    openssl({"pkcs8", "-topk8", "-v2", "aes256", "-in", file("host.key"), "-out", file("host.locked"), "-passout", "pass:keypass"});
    folder_.write("broker.pem", text("broker.key") + text("broker.crt"));
  }

  [[nodiscard]] std::string file(const std::string& name) const { return (folder_ / name).string(); }
  std::string write(const std::string& name, const std::string& content) const { return folder_.write(name, content).string(); }

 private:
  void issue(const std::string& name, const std::string& by) const {
    openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-keyout", file(name + ".key"),
             "-out", file(name + ".csr")});
    openssl({"x509", "-req", "-in", file(name + ".csr"), "-CA", file(by + ".crt"), "-CAkey", file(by + ".key"), "-CAcreateserial", "-days", "2",
             "-extfile", file("names"), "-out", file(name + ".crt")});
  }
  static void openssl(std::vector<std::string> words) {
    words.insert(words.begin(), "openssl");
    const Finished done = run(words);
    if (done.status.code != 0) throw std::runtime_error("openssl " + words[1] + " failed:\n" + done.output);
  }
  [[nodiscard]] std::string text(const std::string& name) const { return text_of(folder_ / name); }

  TempDir folder_;
};

// One broker with a listener for each way to log in; the tests themselves use the plain one.
class Guarded {
 public:
  Guarded() : kafka_(settings()), world_(postgres_url(), kafka_.url()) {}

  [[nodiscard]] World& world() { return world_; }
  // A configuration whose host goes to this listener, with these lines in [kafka].
  std::filesystem::path config(const std::string& listener, const std::string& lines, const std::string& topic) {
    world_.hosts_use(kafka_.url_of(listener));
    world_.hosts_log_in(lines);
    return world_.config({world_.handler({topic}).text("group", topic + "-group")}, listener);
  }
  [[nodiscard]] std::string tls(const std::string& authority = "authority") const {
    return "tls = true\ntls_ca = " + toml_text(certificates_.file(authority + ".crt")) + "\n";
  }
  [[nodiscard]] std::string certificate(const std::string& name, const std::string& key) const {
    return "tls_certificate = " + toml_text(certificates_.file(name + ".crt")) + "\ntls_key = " + toml_text(certificates_.file(key)) + "\n";
  }
  [[nodiscard]] std::string key_password(const std::string& password) const {
    return "tls_key_password_file = " + toml_text(certificates_.write("key.password", password)) + "\n";
  }
  [[nodiscard]] std::string login(const std::string& mechanism, const std::string& user, const std::string& password) const {
    return "sasl_mechanism = " + toml_text(mechanism) + "\nsasl_username = " + toml_text(user) +
           "\nsasl_password_file = " + toml_text(certificates_.write("password", password)) + "\n";
  }

 private:
  [[nodiscard]] std::vector<std::string> settings() const {
    std::vector<std::string> all = {"listener=TLS:SSL", "listener=MUTUAL:SSL", "listener=LOGIN:SASL_PLAINTEXT", "listener=LOGINTLS:SASL_SSL",
                                    "scram=robert:robert1", "ssl.keystore.type=PEM", "ssl.keystore.location=" + certificates_.file("broker.pem"),
                                    "ssl.truststore.type=PEM", "ssl.truststore.location=" + certificates_.file("authority.crt"),
                                    "listener.name.mutual.ssl.client.auth=required", "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512"};
    for (const std::string listener : {"login", "logintls"}) {
      const std::string name = "listener.name." + listener;
      all.push_back(name + ".plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_alice=\"alice1\";");
      all.push_back(name + ".scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;");
    }
    return all;
  }

  Certificates certificates_;
  PrivateKafka kafka_;
  World world_;
};

Finished check(const std::filesystem::path& config) { return program({"check", "--config", config.string()}); }

// The lines of a finished check that are not fine and about the brokers, and how the check ended.
std::string refusal(const std::filesystem::path& config, int code) {
  const Finished done = check(config);
  INFO(done.output);
  CHECK(done.status.code == code);
  std::istringstream lines(done.output);
  std::string found;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("  broker  ") != std::string::npos && !line.starts_with("fine")) found += line + "\n";
  }
  CHECK(std::count(found.begin(), found.end(), '\n') == 1);
  return found;
}

// Through this listener: check is fine, records are read, their topics made, retries and dead letters written and read, offsets kept.
void works_through(Guarded& broker, const std::string& listener, const std::string& lines) {
  World& world = broker.world();
  INFO(listener << "\n" << lines);
  const std::string topic = world.topic(unique_prefix() + listener, 2);
  const auto config = broker.config(listener, lines, topic);
  const Finished checked = check(config);
  INFO(checked.output);
  REQUIRE(checked.status.code == 0);

  std::vector<KafkaRecord> records;
  for (int i = 0; i < 20; ++i) records.push_back(event(topic + std::to_string(i), i == 3 ? "fail:2" : i == 7 ? "reject:no" : "value"));
  world.kafka().produce_all(topic, records);
  Host host(config);
  host.ready();
  const auto handled = [&] { return world.db().number("SELECT count(*) FROM effects WHERE topic = '" + topic + "'"); };
  const std::string letters = topic + "." + topic + "-group.dlq";
  CHECK(eventually(30s, [&] { return handled() == 19 && world.read(letters).size() == 1; }));
  CHECK(host.leave() == 0);
  CHECK(handled() == 19);
  CHECK(world.kafka().lag(topic + "-group", topic) == 0);
}

} // namespace

TEST_CASE("a host works through TLS, mutual TLS, PLAIN and SCRAM, from its topics to its dead letters") {
  Guarded broker;
  broker.world().migrate(broker.config("TLS", broker.tls(), "none"));
  works_through(broker, "TLS", broker.tls());
  works_through(broker, "MUTUAL", broker.tls() + broker.certificate("host", "host.locked") + broker.key_password("keypass"));
  works_through(broker, "LOGIN", broker.login("PLAIN", "alice", "alice1"));
  works_through(broker, "LOGINTLS", broker.tls() + broker.login("PLAIN", "alice", "alice1"));
  if (!scram_works) return; // refused, below
  works_through(broker, "LOGIN", broker.login("SCRAM-SHA-512", "robert", "robert1"));
  works_through(broker, "LOGINTLS", broker.tls() + broker.login("SCRAM-SHA-512", "robert", "robert1"));
}

TEST_CASE("each way not to be let in is one line that names the key to look at") {
  Guarded broker;
  const std::string topic = broker.world().topic();
  broker.world().migrate(broker.config("TLS", broker.tls(), topic));
  const auto says = [&](const std::string& listener, const std::string& lines, int code = 1) {
    return refusal(broker.config(listener, lines, topic), code);
  };

  const std::string password = says("LOGINTLS", broker.tls() + broker.login("PLAIN", "alice", "hunter2"));
  CHECK_THAT(password, contains("wrong        broker         the login is refused: ") && contains("Invalid username or password") &&
                           contains("look at 'sasl_username' and 'sasl_password_file' in [kafka]") && !contains("hunter2"));
  CHECK_THAT(says("TLS", broker.tls("stranger")), contains("the login is refused: ") && contains("must be signed by an authority in 'tls_ca'"));
  CHECK_THAT(says("MUTUAL", broker.tls()), contains("the login is refused: ") && contains("the brokers want a certificate: look at 'tls_certificate'"));
  CHECK_THAT(says("MUTUAL", broker.tls() + broker.certificate("intruder", "intruder.key")), contains("the login is refused: ") && contains("certificate"));
  CHECK_THAT(says("LOGIN", broker.tls()), contains("the login is refused: ") && contains("is this a TLS listener?"));
  // It may also be a broker that goes down, so this is not called a refusal.
  CHECK_THAT(says("TLS", "", 3), contains("unreachable  broker  ") && contains("it hangs up: does this listener want TLS? Look at 'tls' in [kafka]"));
  CHECK_THAT(says("LOGIN", "", 3), contains("it hangs up: does this listener want a login? Look at 'sasl_mechanism' in [kafka]"));
  const std::string scram = says("LOGIN", broker.login("SCRAM-SHA-512", "robert", "hunter2"));
  CHECK_THAT(scram, contains("the login is refused: ") && !contains("hunter2"));
  CHECK_THAT(scram, contains(scram_works ? "look at 'sasl_username' and 'sasl_password_file'" : "cannot do SCRAM with Apache Kafka 4: use PLAIN over TLS, or librdkafka 2.6.1 or newer"));
}

TEST_CASE("a running host says once why it is not let in") {
  Guarded broker;
  World& world = broker.world();
  const std::string topic = world.topic();
  const auto config = broker.config("TLS", broker.tls("stranger"), topic);
  world.migrate(config);
  Host host(config);
  REQUIRE(host.process().wait_for_output("must be signed by an authority in 'tls_ca'", 20s));
  CHECK(stays(4s, [&] { return host.lines_with("must be signed by an authority in 'tls_ca'") <= 3; })); // a line of each client
  CHECK(host.lines_with("1/1 brokers are down") == 0);
  CHECK(host.running());
  CHECK(host.leave() == 0);
}

TEST_CASE("SCRAM with a client that cannot do it ends the start with the mend, and a client that can runs") {
  Guarded broker;
  World& world = broker.world();
  const std::string topic = world.topic();
  const auto config = broker.config("LOGIN", broker.login("SCRAM-SHA-512", "robert", "robert1"), topic);
  world.migrate(config);
  Host host(config);
  if (scram_works) {
    host.ready();
    CHECK(host.leave() == 0);
    return;
  }
  const auto ended = host.process().wait(30s);
  REQUIRE(ended.has_value());
  CHECK(ended->code == 2);
  CHECK(host.lines_with("refuse the login: ") == 1);
  CHECK_THAT(host.output(), contains("cannot do SCRAM with Apache Kafka 4: use PLAIN over TLS, or librdkafka 2.6.1 or newer"));
}
