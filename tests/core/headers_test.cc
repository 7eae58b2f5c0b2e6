#include "core/headers.h"

#include <algorithm>

#include "support/catch.h"

using namespace hostler::core;

namespace {

const Timestamp now = from_epoch_ms(1'767'225'600'123);  // 2026-01-01T00:00:00.123Z

HandlerConfig handler() {
  HandlerConfig h;
  h.name = "user-service";
  h.group = "user-service-group";
  return h;
}

Record record() {
  Record r;
  r.topic = "user-events";
  r.topic_id = 3;
  r.partition = Partition{2};
  r.offset = Offset{12345};
  r.timestamp = from_epoch_ms(1'700'000'000'000);
  r.first_seen = from_epoch_ms(1'700'000'000'500);
  r.event_id = "evt-123";
  return r;
}

Disposition retry() {
  Disposition d;
  d.outcome = Outcome::retry;
  d.step = Step{1};
  d.attempt = Attempt{2};
  d.due = now;
  return d;
}

Disposition dead() {
  Disposition d;
  d.outcome = Outcome::dead;
  d.reason = DeadReason::rejected;
  d.step = Step{4};
  d.attempt = Attempt{4};
  return d;
}

std::vector<HeaderView> views(const std::vector<OwnedHeader>& headers) {
  std::vector<HeaderView> out;
  for (const auto& h : headers) out.push_back({h.name, h.value ? Bytes(*h.value) : Bytes()});
  return out;
}

std::string value_of(const std::vector<OwnedHeader>& headers, std::string_view name) {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return h.name == name; });
  return found == headers.end() ? "(missing)" : found->value.value_or("(null)");
}

std::vector<OwnedHeader> good_copy() { return copy_headers(record(), {}, retry(), handler(), nullptr, now); }

std::string read_error(std::vector<OwnedHeader> headers, std::string_view name, const std::string& value) {
  for (auto& h : headers) {
    if (h.name == name) h.value = value;
  }
  const auto read = read_copy_headers(views(headers));
  return read.ok() ? "(accepted)" : read.error().message;
}

}  // namespace

TEST_CASE("a copy's headers read back as they were written") {
  const auto headers = good_copy();
  const auto read = read_copy_headers(views(headers));
  REQUIRE(read.ok());
  CHECK(read->origin_topic == "user-events");
  CHECK(read->topic_id == 3);
  CHECK(read->partition == Partition{2});
  CHECK(read->offset == Offset{12345});
  CHECK(read->timestamp == record().timestamp);
  CHECK(read->first_seen == record().first_seen);
  CHECK(read->handler == "user-service");
  CHECK(read->group == "user-service-group");
  CHECK(read->attempt == Attempt{2});
  CHECK(read->step == Step{1});
  CHECK(read->event_id == "evt-123");
  CHECK_FALSE(read->replay);
}

TEST_CASE("a record's own headers are kept byte for byte, repeats and nulls included, and nobody's hostler- headers") {
  const std::string binary("\0\xff\xfe", 3);
  const std::vector<HeaderView> own = {
      {"trace-id", Bytes(std::string_view("a"))}, {"trace-id", Bytes(binary)}, {"nothing", Bytes()}, {"empty", Bytes(std::string_view(""))},
      {"hostler-step", Bytes(std::string_view("77"))}};
  const auto headers = copy_headers(record(), own, retry(), handler(), nullptr, now);
  REQUIRE(headers.size() > 4);
  CHECK(headers[0].value == "a");
  CHECK(headers[1].value == binary);
  CHECK(headers[2].value == std::nullopt);
  CHECK(headers[3].value == "");
  CHECK(std::count_if(headers.begin(), headers.end(), [](const auto& h) { return h.name == "hostler-step"; }) == 1);
  CHECK(value_of(headers, header::step) == "1");
}

TEST_CASE("a stranger's numbers are not believed") {
  CHECK_THAT(read_error(good_copy(), header::attempt, "0"), hostler::testing::contains("hostler-attempt"));
  CHECK_THAT(read_error(good_copy(), header::attempt, "99999999999999999999"), hostler::testing::contains("hostler-attempt"));
  CHECK_THAT(read_error(good_copy(), header::attempt, "2 "), hostler::testing::contains("hostler-attempt"));
  CHECK_THAT(read_error(good_copy(), header::step, "-1"), hostler::testing::contains("hostler-step"));
  CHECK_THAT(read_error(good_copy(), header::origin_offset, "-1"), hostler::testing::contains("hostler-origin-offset"));
  CHECK_THAT(read_error(good_copy(), header::origin_partition, "2147483648"), hostler::testing::contains("hostler-origin-partition"));
  CHECK_THAT(read_error(good_copy(), header::origin_topic, ""), hostler::testing::contains("hostler-origin-topic"));
  CHECK_THAT(read_error(good_copy(), header::origin_topic, std::string(250, 'x')), hostler::testing::contains("hostler-origin-topic"));
  CHECK_THAT(read_error(good_copy(), header::format, "2"), hostler::testing::contains("format"));
  CHECK_THAT(read_error(good_copy(), header::first_seen, "253402300800000"), hostler::testing::contains("hostler-first-seen"));
  CHECK(read_error(good_copy(), header::attempt, "7") == "(accepted)");
}

TEST_CASE("a header that is missing, null or given twice makes the whole copy unbelievable") {
  auto missing = good_copy();
  missing.erase(missing.begin());
  CHECK_THAT(read_copy_headers(views(missing)).error().message, hostler::testing::contains("is missing"));
  auto twice = good_copy();
  twice.push_back(twice.front());
  CHECK_THAT(read_copy_headers(views(twice)).error().message, hostler::testing::contains("appears twice"));
  auto null = good_copy();
  null.front().value.reset();
  CHECK_THAT(read_copy_headers(views(null)).error().message, hostler::testing::contains("is null"));
  CHECK_FALSE(read_copy_headers({}).ok());
}

TEST_CASE("a dead letter says why, when and after how many attempts, and retry copies do not") {
  VerdictDetail detail;
  detail.code = 42;
  detail.reason = "no such user";
  detail.detail = "line 1\nline 2";
  const auto headers = copy_headers(record(), {}, dead(), handler(), &detail, now);
  CHECK(value_of(headers, header::reason) == "rejected");
  CHECK(value_of(headers, header::failed_at) == "2026-01-01T00:00:00.123Z");
  CHECK(value_of(headers, header::error_code) == "42");
  CHECK(value_of(headers, header::error_message) == "no such user");
  CHECK(value_of(headers, header::error_detail) == "line 1\nline 2");
  CHECK(value_of(headers, header::attempt) == "4");
  CHECK(value_of(headers, header::due) == "(missing)");
  CHECK(value_of(good_copy(), header::reason) == "(missing)");
  CHECK(value_of(good_copy(), header::due) == "1767225600123");
}

TEST_CASE("other systems' header names are added where asked for") {
  auto h = handler();
  CHECK(value_of(copy_headers(record(), {}, dead(), h, nullptr, now), "original-topic") == "(missing)");
  h.dead_letter.original_topic_headers = true;
  h.dead_letter.spring_headers = true;
  const auto headers = copy_headers(record(), {}, dead(), h, nullptr, now);
  CHECK(value_of(headers, "original-topic") == "user-events");
  CHECK(value_of(headers, "failed-at") == "2026-01-01T00:00:00.123Z");
  CHECK(value_of(headers, "kafka_dlt-original-offset") == std::string("\0\0\0\0\0\0\x30\x39", 8));
  CHECK(value_of(headers, "kafka_dlt-original-partition") == std::string("\0\0\0\x02", 4));
}

TEST_CASE("a letter that is too large loses foreign headers first, then the error text, never its origin") {
  const std::vector<HeaderView> own = {{"big", Bytes(std::string_view("xxxx"))}};
  VerdictDetail detail;
  detail.reason = "why";
  const auto smaller = copy_headers(record(), own, dead(), handler(), &detail, now, LetterSize::no_foreign_headers);
  CHECK(value_of(smaller, "big") == "(missing)");
  CHECK(value_of(smaller, header::error_message) == "why");
  const auto smallest = copy_headers(record(), own, dead(), handler(), &detail, now, LetterSize::no_error_text);
  CHECK(value_of(smallest, header::error_message) == "(missing)");
  CHECK(value_of(smallest, header::origin_offset) == "12345");
  CHECK(value_of(smallest, header::reason) == "rejected");
}

TEST_CASE("texts are cut between characters") {
  CHECK(cut_text("abc", 3) == "abc");
  CHECK(cut_text("abcd", 3) == "abc");
  CHECK(cut_text("a\xc3\xa9z", 2) == "a");
  CHECK(cut_text("a\xc3\xa9z", 3) == "a\xc3\xa9");
}

TEST_CASE("times before 1970 and after 9999 still print") {
  CHECK(iso_time(from_epoch_ms(-1)) == "1969-12-31T23:59:59.999Z");
  CHECK(iso_time(from_epoch_ms(0)) == "1970-01-01T00:00:00.000Z");
}
