// Dead letters: why they are dead, how long they stay, and what is left of one that is too large.
#include <algorithm>
#include <random>

#include "flow/host_fixture.h"
#include "support/catch.h"

using namespace hostler::flow;

namespace {
constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
}

TEST_CASE("a record stamped 60 days ago survives in the retry and dead-letter topics") {
  World world;
  const std::string topic = world.topic("events", 1, {{"retention.ms", "-1"}});
  const auto config = world.config({world.handler({topic}).set("retry.delays", R"(["4s"])")});
  world.migrate(config);
  Host host(config);
  host.ready();
  const std::int64_t before = now_ms(), stamped = before - 60 * day_ms;
  for (const auto& [id, value] : {std::pair("rejected", "reject:"), std::pair("retried", "fail:2:")}) {
    KafkaRecord record = event(id, value);
    record.timestamp_ms = stamped;
    world.kafka().produce(topic, record);
  }
  world.kafka().flush();
  const std::string dlq = world.dead_letter_topic(topic), tier = world.retry_topic(topic, "4s");
  REQUIRE(eventually(20s, [&] { return world.kafka().count(dlq) == 1 && world.kafka().count(tier) == 1; }));
  CHECK(world.kafka().topic_config(dlq).at("retention.ms") == std::to_string(30 * day_ms));
  CHECK(world.kafka().topic_config(tier).at("retention.ms") == std::to_string(7 * day_ms));

  // The broker's cleaning has come by: it removed a record with the old stamp from a topic with the dead letters' settings.
  const std::string witness = world.topic("witness", 1, {{"retention.ms", std::to_string(30 * day_ms)}});
  KafkaRecord old = event("old", "old");
  old.timestamp_ms = stamped;
  world.kafka().produce_all(witness, {old});
  REQUIRE(eventually(30s, [&] { return world.kafka().watermarks(witness).at(0).low == 1; }));
  REQUIRE(eventually(20s, [&] { return world.effect_count() == 1; }));
  CHECK(host.leave() == 0);

  const auto letters = world.read(dlq);
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].timestamp_ms >= before);
  CHECK(letters[0].timestamp_ms <= now_ms());
  CHECK(letters[0].header("hostler-origin-timestamp") == std::to_string(stamped));
  CHECK(letters[0].header("event-id") == "rejected");
  CHECK(world.kafka().watermarks(tier).at(0).low == 0);
}

TEST_CASE("garbage envelopes end in dead letters with reasons, and good ones pass") {
  World world;
  const std::string topic = world.topic("events", 2);
  const auto config = world.config({world.handler({topic}).text("event_id", "json:/eventId")});
  world.migrate(config);

  struct Garbage {
    std::string value, reason, message;
  };
  const std::vector<Garbage> garbage = {
      {"not JSON", "undecodable", "not JSON"},
      {"", "undecodable", "not JSON"},
      {R"({"eventId":"cut off)", "undecodable", "not JSON"},
      {std::string(50'000, '['), "", ""},
      {"{\"eventId\":\"\xff\xfe\"}", "undecodable", "not JSON"},
      {std::string("\0\0\0", 3), "undecodable", "not JSON"},
      {R"({"other":1})", "invalid", "no field /eventId"},
      {R"({"eventId":""})", "invalid", "empty"},
      {R"({"eventId":{}})", "invalid", "neither a string nor an integer"},
      {R"({"eventId":null})", "invalid", "neither a string nor an integer"},
      {R"({"eventId":1.5})", "invalid", "neither a string nor an integer"},
      {R"({"eventId":"a\u0000b"})", "invalid", "NUL"},
      {R"({"eventId":")" + std::string(256, 'x') + R"("})", "invalid", "longer than 255"},
      {"[1, 2]", "", ""},
      {"42", "", ""},
      {R"("text")", "", ""},
  };
  for (std::size_t i = 0; i < garbage.size(); ++i) {
    const std::string key = std::to_string(i);
    world.kafka().produce(topic, {.key = key, .value = garbage[i].value, .headers = {{"foreign", "kept"}}});
    world.kafka().produce(topic, {.key = key, .value = R"({"eventId":"good-)" + key + R"("})"});
  }
  world.kafka().produce(topic, {.key = "number", .value = R"({"eventId":7})"});
  world.kafka().produce(topic, {.key = "tombstone", .value = std::nullopt});
  world.kafka().flush();

  Host host(config);
  REQUIRE(
      eventually(30s, [&] { return world.effect_count() >= static_cast<long long>(garbage.size()) + 2; }));
  REQUIRE(world.settles({topic}, 20s));
  CHECK(host.leave() == 0);

  std::set<std::string> ids;
  for (const auto& effect : world.effects()) ids.insert(effect.event_id);
  CHECK(ids.size() == garbage.size() + 2);
  for (std::size_t i = 0; i < garbage.size(); ++i) CHECK(ids.contains("good-" + std::to_string(i)));
  CHECK(ids.contains("7"));
  CHECK(world.effect_count() == static_cast<long long>(ids.size()));

  const auto letters = world.letters(topic);
  CHECK(letters.size() == garbage.size());
  for (std::size_t i = 0; i < garbage.size(); ++i) {
    const auto& [value, reason, message] = garbage[i];
    CAPTURE(i, value.substr(0, 40));
    const auto letter = std::find_if(letters.begin(), letters.end(),
                                     [&](const auto& l) { return l.key == std::to_string(i); });
    REQUIRE(letter != letters.end());
    CHECK(letter->value == value);
    CHECK(letter->header("foreign") == "kept");
    CHECK(letter->header("hostler-attempt") == "1");
    if (!reason.empty())
      CHECK(letter->header("hostler-reason") == reason);
    else
      CHECK_THAT(letter->header("hostler-reason").value_or(""),
                 contains("invalid") || contains("undecodable"));
    const std::string said = letter->header("hostler-error-message").value_or("");
    CHECK_FALSE(said.empty());
    CHECK_THAT(said, contains(message));
  }
  for (const std::string delay : {"1s", "2s", "4s"})
    CHECK(world.read(world.retry_topic(topic, delay)).empty());
}

TEST_CASE("a dead letter too large for its topic loses headers, then the error text, never the payload") {
  World world;
  const std::string topic = world.topic("events", 1);
  world.kafka().create_topic(world.dead_letter_topic(topic), 1, {{"max.message.bytes", "2048"}});
  // Uncompressed: the reason is the value again, and would take no room.
  const auto config = world.config({world.handler({topic})}, "letters", {{"compression.codec", "none"}});
  world.migrate(config);

  std::mt19937 random(3);
  const auto noise = [&](std::size_t size) {
    std::string text;
    while (text.size() < size) text += static_cast<char>('!' + random() % 90);
    return text;
  };
  const auto rejected = [&](const std::string& id, std::size_t value_size, std::size_t header_size) {
    auto record = event(id, "reject:" + noise(value_size));
    if (header_size > 0) record.headers.push_back({"large", noise(header_size)});
    return record;
  };
  // The reason is the value: it takes up to 1024 bytes of a header.
  const std::vector<KafkaRecord> records = {
      rejected("fits", 200, 100),       rejected("no-headers", 200, 2000),
      rejected("no-text", 900, 100),    rejected("no-text-either", 1200, 3000),
      rejected("too-large", 4000, 100), event("good", "good")};
  world.kafka().produce_all(topic, records);
  Host host(config);
  REQUIRE(eventually(30s, [&] { return world.effect_count() == 1; }));
  REQUIRE(world.settles({topic}, 20s));
  CHECK(host.leave() == 0);

  std::map<std::string, KafkaRecord> letters;
  for (const auto& letter : world.letters(topic)) letters[letter.key.value()] = letter;
  CHECK(letters.size() == 4);
  struct Kept {
    bool headers, text;
  };
  const std::map<std::string, Kept> kept = {{"fits", {true, true}},
                                            {"no-headers", {false, true}},
                                            {"no-text", {false, false}},
                                            {"no-text-either", {false, false}}};
  for (const auto& record : records) {
    const std::string& id = record.key.value();
    CAPTURE(id);
    if (!kept.contains(id)) {
      CHECK_FALSE(letters.contains(id));
      continue;
    }
    REQUIRE(letters.contains(id));
    const auto& letter = letters.at(id);
    CHECK(letter.value == record.value);
    CHECK(letter.header("large").has_value() == kept.at(id).headers);
    CHECK(letter.header("hostler-error-message").has_value() == kept.at(id).text);
    CHECK(letter.header("hostler-reason") == "rejected");
    CHECK(letter.header("hostler-origin-offset").has_value());
  }
  // The letter that fits nowhere: the ledger's row keeps the record, payload and headers.
  const auto rows = world.db().query(
      "SELECT event_id, state, encode(record, 'escape') FROM hostler_delegated WHERE record IS NOT NULL");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0][0] == "too-large");
  CHECK(rows[0][1] == "dead");
  std::string escaped; // as encode() writes backslashes
  for (const char c : records[4].value.value())
    escaped += c == '\\' ? std::string("\\\\") : std::string(1, c);
  CHECK(rows[0][2].find(escaped) != std::string::npos);
  CHECK(rows[0][2].find("large") != std::string::npos);
  CHECK(world.db().number("SELECT count(*) FROM hostler_delegated") == 5);
}
