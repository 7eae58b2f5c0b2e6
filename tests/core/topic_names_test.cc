#include "core/topic_names.h"

#include <algorithm>
#include <regex>

#include "support/catch.h"

using namespace hostler::core;

namespace {

HandlerConfig handler() {
  HandlerConfig h;
  h.name = "user-service";
  h.group = "user-service-group";
  h.topics = {"user-events"};
  return h;
}

bool excluded(const HostConfig& config, const std::string& topic) {
  const auto regexes = derived_topic_regexes(config);
  return std::any_of(regexes.begin(), regexes.end(), [&](const auto& r) { return std::regex_match(topic, std::regex(r, std::regex::extended)); });
}

}  // namespace

TEST_CASE("the built-in names keep two groups on one topic apart") {
  CHECK(retry_topic(handler(), "user-events", 0).value() == "user-events.user-service-group.retry.1m");
  CHECK(retry_topic(handler(), "user-events", 2).value() == "user-events.user-service-group.retry.30m");
  CHECK(dead_letter_topic(handler(), "user-events").value() == "user-events.user-service-group.dlq");
}

TEST_CASE("templates reproduce the names that the platforms use") {
  auto h = handler();
  h.dead_letter.topic = "{topic}-dlq";
  CHECK(dead_letter_topic(h, "user-events").value() == "user-events-dlq");
  h.dead_letter.topic = "{topic}_dlt";
  CHECK(dead_letter_topic(h, "my_topic").value() == "my_topic_dlt");
  h.retry.topic = "internal.retry.{delay}";
  h.retry.delays = {{"1min", std::chrono::minutes(1)}, {"5min", std::chrono::minutes(5)}, {"30min", std::chrono::minutes(30)}};
  h.dead_letter.topic = "internal.dlq";
  CHECK(retry_topic(h, "chat.messages.t1", 0).value() == "internal.retry.1min");
  CHECK(retry_topic(h, "chat.messages.t1", 2).value() == "internal.retry.30min");
  CHECK(dead_letter_topic(h, "chat.messages.t1").value() == "internal.dlq");
}

TEST_CASE("a name that Kafka refuses is an error that shows template and result") {
  auto h = handler();
  h.dead_letter.topic = "{topic}/dlq";
  CHECK_THAT(dead_letter_topic(h, "user-events").error().message, hostler::testing::contains("'user-events/dlq' from template '{topic}/dlq'"));
  h.dead_letter.topic = "{topic}.{group}.dlq";
  CHECK(dead_letter_topic(h, std::string(249, 'x')).ok() == false);
  CHECK(dead_letter_topic(h, std::string(249 - 23, 'x')).ok());
}

TEST_CASE("a pattern's star stands for any text and a dot for a dot") {
  CHECK(is_pattern("chat.messages.*"));
  CHECK_FALSE(is_pattern("chat.messages"));
  CHECK(pattern_matches("chat.messages.*", "chat.messages.tenant-1"));
  CHECK_FALSE(pattern_matches("chat.messages.*", "chatXmessages.tenant-1"));
  CHECK(pattern_matches("*-events", "user-events"));
  CHECK_FALSE(pattern_matches("*-events", "user-events-dlq"));
  CHECK(pattern_matches("a*b*c", "a.b.b.c"));
  CHECK(pattern_regex("chat.messages.*") == "^chat\\.messages\\..*$");
}

TEST_CASE("a pattern never matches any group's retry and dead-letter topics") {
  HostConfig config;
  auto h = handler();
  h.dead_letter.topic = "{topic}-dlq";
  config.handlers = {h};
  CHECK(excluded(config, "user-events-dlq"));
  CHECK(excluded(config, "chat.messages.t1.some-other-group.retry.5m"));
  CHECK(excluded(config, "chat.messages.t1.some-other-group.dlq"));
  CHECK_FALSE(excluded(config, "chat.messages.t1"));
  CHECK_FALSE(excluded(config, "retry-campaigns"));
}

TEST_CASE("the retry topics of a pattern are a pattern") {
  auto h = handler();
  CHECK(retry_topic_pattern(h, "chat.messages.*", 1) == "chat.messages.*.user-service-group.retry.5m");
  h.retry.topic = "internal.retry.{delay}";
  CHECK(retry_topic_pattern(h, "chat.messages.*", 0) == "internal.retry.1m");
}

TEST_CASE("what strangers put into a retry topic goes to the dead letters of its source") {
  auto h = handler();
  h.topics = {"user-events", "interview-events"};
  CHECK(stray_letter_topic(h, "interview-events.user-service-group.retry.5m").value() == "interview-events.user-service-group.dlq");
  h.topics = {"chat.*"};
  CHECK(stray_letter_topic(h, "chat.a.user-service-group.retry.5m").value() == "chat.a.user-service-group.retry.5m.user-service-group.dlq");
}
