// What each service says of each kind of record, and what it writes.
#include <nlohmann/json.hpp>

#include "interview/small_host.h"
#include "support/catch.h"

namespace hostler::testing {
namespace {

const std::string users = "interview.user-service", interviews = "interview.interview-service",
                  analytics = "interview.analytics-service";

TestRecord event(const std::string& value) { return {.key = "u1", .value = value}; }
// The envelope with a payload; `payload` is the inside of its braces.
TestRecord event(const std::string& type, const std::string& payload,
                 std::int64_t time_ms = 1'760'000'000'000) {
  return event(R"({"eventId":"e-)" + std::to_string(time_ms) + R"(","eventType":")" + type +
               R"(","timestamp":)" + std::to_string(time_ms) +
               R"(,"source":"test","version":"1.0","payload":{)" + payload + "}}");
}

std::string reason_of(const std::string& service, const TestRecord& record,
                      std::uint8_t expected = HOSTLER_REJECT) {
  InterviewDatabase database;
  SmallHost host(database, service);
  const Answer answer = host.handle(record);
  CHECK(int(answer.verdict) == int(expected));
  CHECK(answer.statements == 0);
  return answer.reason;
}

TEST_CASE("both envelopes of a registration make the same user") {
  const std::vector<std::string> values = {
      R"({"eventId":"e1","eventType":"user.registered","timestamp":1760000000000,"source":"api","version":"1.0","payload":{"userId":"u1","email":"a@b.c","profile":{"name":"Ada"}}})",
      R"({"eventId":"e1","eventType":"user.created","userId":"u1","data":{"email":"a@b.c","name":"Ada"}})"};
  for (const auto& value : values) {
    InterviewDatabase database;
    SmallHost host(database, users);
    CHECK(int(host.handle(event(value)).verdict) == HOSTLER_DONE);
    CHECK(database.tables().query("SELECT user_id, email, name, status, registered_at FROM users") ==
          Rows{{"u1", "a@b.c", "Ada", "active", "1760000000000"}});
  }
}

TEST_CASE("a user's events change what they name and nothing else") {
  InterviewDatabase database;
  SmallHost host(database, users);
  host.handle(event("user.created", R"("userId":"u1","email":"a@b.c","name":"Ada")", 1000));
  host.handle(event("user.profile_updated", R"("userId":"u1","profile":{"name":"Ada L."})", 2000));
  host.handle(event("user.avatar_uploaded", R"("userId":"u1","avatarUrl":"https://x/y.png")", 3000));
  host.handle(event("user.authenticated", R"("userId":"u1","authMethod":"password")", 4000));
  host.handle(event("user.logged_out", R"("userId":"u1")", 5000));
  CHECK(database.tables().query(
            "SELECT email, name, avatar_url, status, registered_at, last_seen FROM users") ==
        Rows{{"a@b.c", "Ada L.", "https://x/y.png", "active", "1000", "5000"}});
}

TEST_CASE("user.deleted and a tombstone erase the user and remember when") {
  InterviewDatabase database;
  SmallHost host(database, users);
  const Rows erased = {{"u1", "NULL", "NULL", "deleted", "NULL"}};
  const std::string look = "SELECT user_id, email, name, status, last_seen FROM users";
  host.handle(event("user.created", R"("userId":"u1","email":"a@b.c","name":"Ada")", 1000));
  SECTION("user.deleted") { host.handle(event("user.deleted", R"("userId":"u1")", 5000)); }
  SECTION("tombstone") {
    CHECK(int(host.handle({.key = "u1", .value = std::nullopt, .timestamp_ms = 5000}).verdict) ==
          HOSTLER_DONE);
  }
  CHECK(database.tables().query(look) == erased);
  host.handle(event("user.updated", R"("userId":"u1","name":"late")", 4000));
  CHECK(database.tables().query(look) == erased);
  host.handle(event("user.registered", R"("userId":"u1","email":"new@b.c")", 6000));
  CHECK(database.tables().query(look) == Rows{{"u1", "new@b.c", "NULL", "active", "NULL"}});
}

TEST_CASE("media of a user") {
  InterviewDatabase database;
  SmallHost host(database, users);
  host.handle(
      event("media.uploaded", R"("userId":"u1","mediaId":"m1","kind":"video","sizeBytes":5000000000)", 1000));
  host.handle(event("media.processed", R"("userId":"u1","mediaId":"m1","sizeBytes":1000)", 2000));
  host.handle(event("media.deleted", R"("userId":"u1","mediaId":"m2")", 2000));
  CHECK(database.tables().query(
            "SELECT media_id, kind, size_bytes, status FROM user_media ORDER BY media_id") ==
        Rows{{"m1", "video", "1000", "processed"}, {"m2", "NULL", "NULL", "deleted"}});
}

TEST_CASE("an interview from creation to score, and its candidate") {
  InterviewDatabase database;
  SmallHost host(database, interviews);
  host.handle(event("user.registered", R"("userId":"u1","email":"a@b.c","name":"Ada")", 500));
  host.handle(event("interview.created", R"("userId":"u1","interviewId":"i1","title":"Engineer")", 1000));
  host.handle(
      event("interview.updated", R"("userId":"u1","interviewId":"i1","title":"Senior engineer")", 2000));
  for (const char* type : {"interview.published", "interview.started", "interview.completed"})
    host.handle(event(type, R"("userId":"u1","interviewId":"i1")", 3000));
  CHECK(int(host.handle(event("interview.scored", R"("userId":"u1","interviewId":"i1","score":87)", 4000))
                .verdict) == HOSTLER_DONE);
  CHECK(database.tables().query("SELECT interview_id, user_id, title, status, score FROM interviews") ==
        Rows{{"i1", "u1", "Senior engineer", "scored", "87"}});
  CHECK(database.tables().query("SELECT user_id, name, status FROM candidates") ==
        Rows{{"u1", "Ada", "active"}});
}

TEST_CASE("activity is counted per user, UTC day and type") {
  InterviewDatabase database;
  SmallHost host(database, analytics);
  host.handle(event("user.authenticated", R"("userId":"u1")", 1'759'967'999'999));
  host.handle(event("user.authenticated", R"("userId":"u1")", 1'759'968'000'000));
  host.handle(event("user.authenticated", R"("userId":"u1")", 1'760'000'000'000));
  CHECK(
      database.tables().query("SELECT user_id, day, event_type, events FROM user_activity ORDER BY day") ==
      Rows{{"u1", "2025-10-08", "user.authenticated", "1"}, {"u1", "2025-10-09", "user.authenticated", "2"}});
}

TEST_CASE("a bad event is rejected with the name of the field") {
  CHECK(reason_of(users, event("nonsense")) == "the value is not valid JSON");
  CHECK(reason_of(users, event("{\"eventId\":\"\xff\"}")) == "the value is not valid JSON");
  CHECK(reason_of(users, event("[1]")) == "the event must be an object, not array");
  CHECK(reason_of(users, event("{}")) == "eventId is missing");
  CHECK(reason_of(users, event(R"({"eventId":7})")) == "eventId must be text, not number");
  CHECK(reason_of(users, event(R"({"eventId":"e"})")) == "eventType is missing");
  CHECK(reason_of(users, event(R"({"eventId":"e","eventType":"user.created"})")) ==
        "payload is missing (and so is data)");
  CHECK(reason_of(users, event(R"({"eventId":"e","eventType":"user.created","payload":"x"})")) ==
        "payload must be an object, not string");
  CHECK(reason_of(users,
                  event(R"({"eventId":"e","eventType":"user.created","timestamp":"now","payload":{}})")) ==
        "timestamp must be milliseconds since 1970, a whole number");
  CHECK(
      reason_of(users, event(R"({"eventId":"e","eventType":"user.created","timestamp":-1,"payload":{}})")) ==
      "timestamp is not between the years 1970 and 9999");
  CHECK(
      reason_of(
          users,
          event(
              R"({"eventId":"e","eventType":"user.created","timestamp":18446744073709551615,"payload":{}})")) ==
      "timestamp is not between the years 1970 and 9999");
  CHECK(reason_of(users, event("user.created", R"("email":"a@b.c")")) == "userId is missing");
  CHECK(reason_of(users, event("user.created", R"("userId":7,"email":"a@b.c")")) ==
        "userId must be text, not number");
  CHECK(reason_of(users, event("user.created", R"("userId":"","email":"a@b.c")")) == "userId is empty");
  CHECK(reason_of(users, event("user.created", R"("userId":"u1")")) == "payload.email is missing");
  CHECK(reason_of(users, event("user.created", R"("userId":"u1","email":null)")) ==
        "payload.email is missing");
  CHECK(reason_of(users, event("user.created", R"("userId":"u1","email":"invalid")")) ==
        "payload.email is not an e-mail address");
  CHECK(reason_of(users, event("user.updated", R"("userId":"u1","name":["Ada"])")) ==
        "payload.name must be text, not array");
  CHECK(reason_of(users, event("user.updated", R"("userId":"u1","name":"A\u0000da")")) ==
        "payload.name contains a NUL character");
  CHECK(reason_of(users, event("user.updated", R"("userId":"u1","name":")" + std::string(1001, 'x') + '"')) ==
        "payload.name is longer than 1000 bytes");
  CHECK(reason_of(users, event("media.uploaded", R"("userId":"u1","mediaId":17)")) ==
        "payload.mediaId must be text, not number");
  CHECK(reason_of(interviews, event("interview.created", R"("userId":"u1")")) ==
        "payload.interviewId is missing");
  CHECK(
      reason_of(
          interviews,
          event(
              R"({"eventId":"e","eventType":"interview.scored","userId":"u1","data":{"interviewId":"i1"}})")) ==
      "data.score is missing");
  for (const char* score : {"250", "-1", "87.5", "\"87\"", "18446744073709551615"})
    CHECK(reason_of(interviews, event("interview.scored",
                                      R"("userId":"u1","interviewId":"i1","score":)" + std::string(score))) ==
          "payload.score must be a whole number from 0 to 100");
  CHECK(reason_of(analytics, event("user.authenticated", "")) == "userId is missing");
  CHECK(reason_of(users, {.key = std::nullopt, .value = std::nullopt}) ==
        "a tombstone without a key: expected the user's id");
  CHECK(reason_of(users, {.key = "u1", .value = std::nullopt, .timestamp_type = HOSTLER_TIMESTAMP_NONE}) ==
        "a tombstone without a timestamp cannot be ordered");
}

TEST_CASE("unknown event types are dropped, types of other services are done without effect") {
  CHECK(reason_of(users, event("user.teleported", R"("userId":"u1")"), HOSTLER_DROP) ==
        "unknown event type user.teleported");
  CHECK(reason_of(analytics, event("weather.changed", R"("userId":"u1")"), HOSTLER_DROP) ==
        "unknown event type weather.changed");
  CHECK(reason_of(interviews, event("user.avatar_uploaded", R"("userId":"u1")"), HOSTLER_DONE).empty());
  CHECK_FALSE(reason_of(analytics, {.key = "u1", .value = std::nullopt}, HOSTLER_DROP).empty());
}

TEST_CASE("simulated failures are believed only where fault_injection is on") {
  InterviewDatabase database;
  auto record = event("user.created", R"("userId":"u1","email":"a@b.c","simulateFailures":2)");
  {
    SmallHost host(database, users);
    CHECK(int(host.handle(record).verdict) == HOSTLER_DONE);
  }
  SmallHost host(database, users, R"({"fault_injection":true})");
  for (record.attempt = 1; record.attempt <= 2; ++record.attempt) {
    const Answer answer = host.handle(record);
    CHECK(int(answer.verdict) == HOSTLER_RETRY);
    CHECK(answer.reason == "the user.created projection is temporarily unavailable (simulated)");
  }
  CHECK(int(host.handle(record).verdict) == HOSTLER_DONE);
  const Answer own = host.handle(
      event("user.created",
            R"("userId":"u1","email":"a@b.c","simulateFailures":9,"simulateReason":"Processing failed")"));
  CHECK(own.reason == "Processing failed");
}

TEST_CASE("the configuration is judged, and described by a schema") {
  for (const auto& id : {users, interviews, analytics}) {
    CHECK(SmallHost::complaint(id, "{}").empty());
    CHECK(SmallHost::complaint(id, R"({"fault_injection":true})").empty());
    CHECK(SmallHost::complaint(id, R"({"fault_injektion":true})") ==
          R"(unknown key "fault_injektion"; the only one is fault_injection)");
    CHECK(SmallHost::complaint(id, R"({"fault_injection":"yes"})") ==
          "fault_injection must be true or false, not string");
  }
  InterviewDatabase database;
  CHECK_THROWS(SmallHost(database, users, R"({"fault_injektion":true})"));
  REQUIRE(SmallHost::plugin().handler_count() == 3);
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto* description = SmallHost::plugin().handler_at(i);
    const auto schema = nlohmann::json::parse(
        description->config_schema.data, description->config_schema.data + description->config_schema.len);
    CHECK(schema["properties"].contains("fault_injection"));
    CHECK(description->flags == HOSTLER_HANDLER_ENQUEUES);
  }
}

} // namespace
} // namespace hostler::testing
