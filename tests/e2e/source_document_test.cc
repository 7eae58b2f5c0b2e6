// The three tests of the platform's own document, on the built host, Apache Kafka and PostgreSQL.
#include <nlohmann/json.hpp>

#include "e2e/platform.h"
#include "support/catch.h"

namespace hostler::e2e {
namespace {

// user-service alone on user-events, with dead letters in the document's JSON.
class UserService {
 public:
  UserService() {
    for (const auto& topic : subscriptions().at("user-service")) world.topic(topic, 3);
    const auto config = world.config({service_toml(world, "user-service")
                                          .text("dead_letter.format", "json")
                                          .set("retry.delays", R"(["100ms", "200ms", "300ms"])")});
    world.migrate(config);
    host.emplace(config);
  }

  void publish(const nlohmann::json& event) {
    world.kafka().produce(world.name("user-events"),
                          {.key = event["userId"].get<std::string>(), .value = event.dump()});
    world.kafka().flush();
  }
  long long processed(const std::string& event_id) {
    return world.db().number("SELECT count(*) FROM processed_events WHERE event_id = '" + event_id +
                             "' AND service_name = 'user-service' AND state = 'done'");
  }
  bool caught_up() {
    return world.kafka().lag(group_of(world, "user-service"), world.name("user-events")) == 0;
  }

  World world;
  std::optional<Host> host;
};

nlohmann::json user_created(const std::string& event_id) {
  return {{"eventId", event_id},
          {"eventType", "user.created"},
          {"userId", "user-123"},
          {"data", {{"email", "test@example.com"}}}};
}

TEST_CASE("should publish and consume event") {
  UserService service;
  service.publish(user_created("evt-1"));
  REQUIRE(eventually(60s, [&] { return service.processed("evt-1") == 1; }));
  CHECK(service.world.db().query("SELECT user_id, email, status FROM users") ==
        Rows{{"user-123", "test@example.com", "active"}});
  CHECK(service.host->leave() == 0);
}

TEST_CASE("should handle duplicate events") {
  UserService service;
  service.publish(user_created("evt-2"));
  service.publish(user_created("evt-2"));
  REQUIRE(eventually(60s, [&] { return service.processed("evt-2") == 1 && service.caught_up(); }));
  CHECK(service.processed("evt-2") == 1);
  CHECK(service.world.db().number("SELECT count(*) FROM users") == 1);
  CHECK(service.host->leave() == 0);
}

TEST_CASE("should send failed events to DLQ") {
  UserService service;
  auto event = user_created("evt-3");
  event["data"]["simulateFailures"] = 1000;
  event["data"]["simulateReason"] = "Processing failed";
  service.publish(event);
  const std::string dlq = service.world.name("user-events-dlq");
  REQUIRE(eventually(60s, [&] { return service.world.read(dlq).size() == 1; }));
  const auto record = service.world.read(dlq).front();
  REQUIRE(record.value);
  const auto letter = nlohmann::json::parse(*record.value);
  CHECK(letter["error"]["message"] == "Processing failed");
  CHECK(letter["originalEvent"] == event);
  CHECK(letter["metadata"]["originalTopic"] == service.world.name("user-events"));
  CHECK(letter["metadata"]["serviceName"] == "user-service");
  CHECK(letter["metadata"]["retryCount"] == 3);
  CHECK(letter["metadata"]["offset"] == 0);
  REQUIRE(eventually(30s, [&] { return service.caught_up(); }));
  CHECK(service.processed("evt-3") == 0);
  CHECK(service.world.db().number("SELECT count(*) FROM users") == 0);
  CHECK(service.world.read(dlq).size() == 1);
  CHECK(service.host->leave() == 0);
}

} // namespace
} // namespace hostler::e2e
