// A broker that knows users and rights: what `check` says to one without them, and to a wrong password.
#include "kafka/admin.h"
#include "support/catch.h"
#include "support/private_server.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

// The listener keeps its name, PLAINTEXT, and asks for a login.
std::vector<std::string> with_users() {
  return {"listener.security.protocol.map=PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
          "sasl.enabled.mechanisms=PLAIN",
          "sasl.mechanism.inter.broker.protocol=PLAIN",
          "listener.name.plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
          "username=\"admin\" password=\"admin1\" user_admin=\"admin1\" user_guest=\"guest1\";",
          "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
          "super.users=User:admin;User:ANONYMOUS"};
}

kafka::AdminOptions login(const std::string& brokers, const std::string& user) {
  kafka::AdminOptions options;
  options.brokers = brokers;
  options.properties = {{"security.protocol", "SASL_PLAINTEXT"},
                        {"sasl.mechanisms", "PLAIN"},
                        {"sasl.username", user},
                        {"sasl.password", user + "1"}};
  return options;
}

class Check {
 public:
  explicit Check(std::string brokers) : brokers_(std::move(brokers)) {}

  Finished as(const std::string& mechanism, const std::string& user, const std::string& password) {
    folder_.write("password", password);
    const std::string file = folder_.write("x.toml", R"([host]
plugin_dirs = [")" HOSTLER_PLUGIN_DIR R"("]
[kafka]
brokers = [")" + brokers_ + R"("]
sasl_mechanism = ")" + mechanism + R"("
sasl_username = ")" + user + R"("
sasl_password_file = "password"
[ledger]
url = "sqlite://)" + (folder_ / "ledger.db").string() + R"("
[[handler]]
name = "users"
plugin = "interview.so"
handler = "interview.user-service"
topics = ["users"]
group = "users-group"
start = "earliest"
event_id = "json:/eventId"
)").string();
    const Finished migrated = program({"ledger", "migrate", "--config", file});
    CHECK(migrated.status.code == 0);
    return program({"check", "--config", file});
  }

 private:
  std::string brokers_;
  TempDir folder_;
};

} // namespace

TEST_CASE("check says which rights and logins are refused") {
  const PrivateKafka server(with_users());
  kafka::KafkaAdmin admin(login(server.url(), "admin"));
  REQUIRE(admin.start());
  const runtime::TopicSpec users{"users", 2, -1, {}};
  const auto created = admin.create({&users, 1});
  if (!created) FAIL(created.error().message);
  Check check(server.url());

  const Finished allowed = check.as("PLAIN", "admin", "admin1");
  INFO(allowed.output);
  CHECK(allowed.status.code == 0);
  CHECK_THAT(allowed.output, contains("'users' reads users as group users-group, which is new"));

  const Finished guest = check.as("PLAIN", "guest", "guest1");
  INFO(guest.output);
  CHECK(guest.status.code == 1);
  CHECK_THAT(guest.output, contains("handler 'users' (") && contains("cannot look at topic users: TOPIC_AUTHORIZATION_FAILED") &&
                               contains("does this user have the rights Describe and Read on it?"));
  kafka::KafkaAdmin as_guest(login(server.url(), "guest"));
  REQUIRE(as_guest.start());
  const runtime::TopicSpec retry{"users.users-group.retry.1m", 2, -1, {}};
  const auto refused = as_guest.try_create({&retry, 1});
  REQUIRE_FALSE(refused.ok());
  CHECK_THAT(refused.error().message, contains("AUTHORIZATION_FAILED"));
  const auto group = as_guest.committed_partitions("users-group");
  REQUIRE_FALSE(group.ok());
  CHECK_THAT(group.error().message, contains("GROUP_AUTHORIZATION_FAILED"));

  const Finished mistyped = check.as("PLAIN", "guest", "hunter2");
  INFO(mistyped.output);
  CHECK(mistyped.status.code == 1);
  CHECK_THAT(mistyped.output, contains("the login is refused: ") && contains("look at 'sasl_username' and 'sasl_password_file' in [kafka]") && !contains("hunter2"));
}
