// The README's handler and configuration, as printed, on a real broker and a real database.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <string>

#include "support/catch.h"
#include "support/file.h"
#include "support/env.h"
#include "support/kafka_client.h"
#include "support/postgres.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "support/wait.h"

using namespace hostler::testing;

namespace {

const std::string source_dir = HOSTLER_SOURCE_DIR;

// The first fenced block of the README in this language.
std::string block(const std::string& language) {
  const std::string text = text_of(source_dir + "/README.md");
  const std::string fence = "```" + language + "\n";
  const auto from = text.find(fence);
  REQUIRE(from != std::string::npos);
  const auto start = from + fence.size();
  return text.substr(start, text.find("\n```", start) + 1 - start);
}

// The sources of a folder of tests, one after the other.
std::string all_of(const std::string& folder) {
  std::string out;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir + "/tests/" + folder))
    if (entry.path().extension() == ".cc" || entry.path().filename() == "CMakeLists.txt") out += text_of(entry.path());
  return out;
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("the README shows the handler that is built as readme.so, in about thirty lines") {
  const std::string shown = block("cpp");
  CHECK(shown == text_of(source_dir + "/plugins/examples/readme.cc"));
  CHECK(std::count(shown.begin(), shown.end(), '\n') <= 31);
}

TEST_CASE("the README's configuration runs the README's handler: a user is kept, a mail is published, once each") {
  const std::string topic = unique_prefix() + "user-events";
  KafkaClient kafka;
  kafka.create_topic(topic, 3);
  if (!kafka.has_topic("welcome-mails")) kafka.create_topic("welcome-mails");
  const std::int64_t mails_before = kafka.count("welcome-mails");

  const PostgresSchema schema;
  const TempDir dir;
  dir.write("migrations/0001_users.sql", block("sql"));
  std::string toml = block("toml");
  replace(toml, "/usr/local/lib/hostler/plugins", HOSTLER_PLUGIN_DIR);
  replace(toml, "localhost:9092", kafka_bootstrap());
  replace(toml, "postgresql://hostler@localhost/app", schema.url());
  replace(toml, "topics = [\"user-events\"]", "topics = [\"" + topic + "\"]");
  replace(toml, "user-service-group", unique_prefix() + "user-service-group");
  toml += "\n[http]\nlisten = \"127.0.0.1:0\"\n";  // other hosts run beside this one
  const std::string config = dir.write("hostler.toml", toml).string();

  const std::string hostler = HOSTLER_BINARY;
  const auto migrated = run({hostler, "ledger", "migrate", "--config", config});
  INFO(migrated.output);
  REQUIRE(migrated.status.code == 0);
  const auto checked = run({hostler, "check", "--config", config});
  INFO(checked.output);
  REQUIRE(checked.status.code == 0);

  const std::string event = R"({"eventId":"evt-123","eventType":"user.created","name":"Ada"})";
  kafka.produce_all(topic, {{"user-1", event}, {"user-1", event}, {"user-2", R"({"eventId":"evt-124","eventType":"user.updated"})"}});
  Process host({hostler, "run", "--config", config});
  Postgres db = schema.connect();
  const bool both = eventually(std::chrono::seconds(60), [&] { return db.number("SELECT count(*) FROM users") == 2; });
  INFO(host.output());
  REQUIRE(both);
  CHECK(db.value("SELECT profile->>'name' FROM users WHERE id = 'user-1'") == "Ada");
  CHECK(db.number("SELECT count(*) FROM processed_events WHERE event_id = 'evt-123' AND service_name = 'user-service'") == 1);
  REQUIRE(host.terminate() == ExitStatus{0, 0});
  CHECK(kafka.count("welcome-mails") == mails_before + 1);
}

TEST_CASE("the tests that tests/README.md names exist") {
  const std::string text = text_of(source_dir + "/tests/README.md");
  const auto table = text.substr(text.find("| failure | tests |"));
  std::string folder;
  std::size_t named = 0;
  for (std::size_t at = 0; at < table.size(); ++at) {
    if (table[at] == ':' && at > 0 && std::isalpha(static_cast<unsigned char>(table[at - 1])) != 0 && table.compare(at, 3, ": \"") == 0) {
      const auto start = table.find_last_of(" |", at) + 1;
      folder = table.substr(start, at - start);
    }
    if (table[at] != '"') continue;
    const auto end = table.find('"', at + 1);
    REQUIRE(end != std::string::npos);
    const std::string name = table.substr(at + 1, end - at - 1);
    INFO(folder << ": " << name);
    CHECK(all_of(folder).find("\"" + name + "\"") != std::string::npos);
    at = end;
    ++named;
  }
  CHECK(named > 50);
}
