// The example plugins do what their first comments say. Tests of the host rely on it.
#include <optional>
#include <string>
#include <vector>

#include "plugin_api/fake_host.h"
#include "support/catch.h"

using fake::Host;
using fake::In;
using fake::Value;
using namespace std::string_literals;
using Verdicts = std::vector<std::uint8_t>;

namespace {
fake::Plugin example(const std::string& name) {
  return fake::Plugin(std::string(HOSTLER_PLUGIN_DIR "/") + name + ".so");
}
} // namespace

TEST_CASE("noop marks everything done, in both styles") {
  for (const char* id : {"noop.batch", "noop.record"}) {
    Host host;
    REQUIRE(host.start(example("noop"), id));
    const auto out = host.process(std::vector<In>(500, In{.value = "x"}));
    CHECK(out.status == HOSTLER_OK);
    CHECK(out.verdicts == Verdicts(500, HOSTLER_DONE));
    CHECK(host.explained.empty());
  }
}

TEST_CASE("forward publishes key and value as they are, and needs to know where to") {
  Host host;
  REQUIRE(host.start(example("forward"), "forward.record", R"({"output": "there"})"));
  CHECK(host.process({{.value = "v", .key = "k"}, {.value = std::nullopt}}).verdicts == Verdicts(2, HOSTLER_DONE));
  REQUIRE(host.published.size() == 2);
  CHECK(host.published[0].topic == "there");
  CHECK(host.published[0].key == "k");
  CHECK(host.published[0].value == "v");
  CHECK_FALSE(host.published[1].value);
  host.stop();
  CHECK_FALSE(host.start(example("forward"), "forward.record"));
  CHECK_THAT(host.error, hostler::testing::contains("\"output\" must name the topic"));
}

TEST_CASE("a plugin in plain C gives verdicts by the first byte and logs its count") {
  Host host;
  REQUIRE(host.start(example("plain_c"), "plain.c"));
  const auto out = host.process({{"good"}, {"r"}, {"x"}, {"d"}, {""}, {std::nullopt}});
  CHECK(out.status == HOSTLER_OK);
  CHECK(out.verdicts ==
        Verdicts{HOSTLER_DONE, HOSTLER_RETRY, HOSTLER_REJECT, HOSTLER_DROP, HOSTLER_DONE, HOSTLER_DONE});
  CHECK(host.explained.size() == 3);
  host.stop();
  CHECK(host.lines.at(0).second == "lane 0 handled 6 records");
  CHECK_FALSE(host.start(example("plain_c"), "plain.d"));
  CHECK(host.error == "this plugin has one handler, \"plain.c\"");
}

TEST_CASE("sql.effects writes one row per record, bytes as they are") {
  Host host;
  REQUIRE(host.start(example("sql_effects"), "sql.effects"));
  REQUIRE(host.process({{"a\0\xff"s}, {""}, {std::nullopt}}).verdicts == Verdicts(3, HOSTLER_DONE));
  REQUIRE(host.enqueued.size() == 3);
  CHECK(host.enqueued[0].sql ==
        "INSERT INTO effects(event_id, topic, part, off, body) VALUES ($1, $2, $3, $4, $5)");
  CHECK(host.enqueued[0].params ==
        std::vector<Value>{Value::of(HOSTLER_SQL_TEXT, "e-1"), Value::of(HOSTLER_SQL_TEXT, "user-events"),
                           Value::integer(3), Value::integer(100), Value::of(HOSTLER_SQL_BLOB, "a\0\xff"s)});
  CHECK(host.enqueued[1].params[4] == Value::of(HOSTLER_SQL_BLOB, "")); // empty
  CHECK(host.enqueued[2].params[4] == Value{});                         // a tombstone is NULL
  CHECK(host.enqueued[2].record == 2);
}

TEST_CASE("sql.effects is steered by the value") {
  Host host;
  REQUIRE(host.start(example("sql_effects"), "sql.effects", R"({"table": "shadow"})"));
  const auto out = host.process({{"fail:3:x"},
                                 {.value = "fail:3:x", .attempt = 3},
                                 {"retry:"},
                                 {"reject:bad age"},
                                 {"drop:"},
                                 {"throw:no such thing"},
                                 {"fail:soon:"},
                                 {"slow:1:"},
                                 {"badsql:"}});
  CHECK(out.status == HOSTLER_OK);
  CHECK(out.verdicts == Verdicts{HOSTLER_RETRY, HOSTLER_DONE, HOSTLER_RETRY, HOSTLER_REJECT, HOSTLER_DROP,
                                 HOSTLER_RETRY, HOSTLER_RETRY, HOSTLER_DONE, HOSTLER_DONE});
  CHECK(host.explained[0].reason == "fails until attempt 3");
  CHECK(host.explained[3].reason == "bad age");
  CHECK(host.explained[3].code == 422);
  CHECK(host.explained[5].reason == "no such thing");
  CHECK(host.explained[5].detail == "thrown: std::runtime_error");
  CHECK(host.explained[6].reason == "expected a number, found \"soon\"");
  REQUIRE(host.enqueued.size() == 9);
  CHECK(host.enqueued[0].sql.starts_with("INSERT INTO shadow("));
  CHECK(host.enqueued[8].params[0] == Value{}); // NOT NULL is broken
  CHECK(host.process({{"x"}, {"unavailable:db"}}).status == HOSTLER_E_UNAVAILABLE);
}

TEST_CASE("sql.effects publishes on") {
  Host host;
  REQUIRE(host.start(example("sql_effects"), "sql.effects"));
  REQUIRE(host.process({{.value = "publish:out:the rest", .key = "k"}}).verdicts == Verdicts{HOSTLER_DONE});
  REQUIRE(host.published.size() == 1);
  CHECK(host.published[0].topic == "out");
  CHECK(host.published[0].key == "k");
  CHECK(host.published[0].value == "the rest");
}

TEST_CASE("a wrong table name is refused by create and by validate_config") {
  Host host;
  const auto plugin = example("sql_effects");
  for (const char* config : {R"({"table": "a; DROP TABLE users"})", R"({"table": 5})", R"({"table": ""})"}) {
    CHECK_FALSE(host.start(plugin, "sql.effects", config));
    CHECK(host.error.starts_with("\"table\" must be a"));
    hostler_error e{};
    e.struct_size = sizeof e;
    CHECK(plugin->validate_config(fake::str("sql.effects"), fake::str(config), &e) == HOSTLER_E_INVALID);
  }
}

TEST_CASE("sql.batch can fail a whole batch and can leave a record without a verdict") {
  Host host;
  REQUIRE(host.start(example("sql_effects"), "sql.batch"));
  const auto good = host.process({{"x"}, {"unset:"}, {"reject:no"}});
  CHECK(good.status == HOSTLER_OK);
  CHECK(good.verdicts == Verdicts{HOSTLER_DONE, HOSTLER_UNSET, HOSTLER_REJECT});
  CHECK(host.explained[2].reason == "no");
  const auto bad = host.process({{"x"}, {"error:all of it"}});
  CHECK(bad.status == HOSTLER_E_FAILED);
  CHECK(bad.message == "all of it");
  CHECK(bad.code == 500);
}

TEST_CASE("sql.query counts with a read and writes with a write") {
  Host host;
  REQUIRE(host.start(example("sql_query"), "sql.query"));
  host.rows = {{Value::integer(41)}};
  REQUIRE(host.process({{"x"}, {"read:"}}).verdicts == Verdicts{HOSTLER_DONE, HOSTLER_DONE});
  REQUIRE(host.queries.size() == 3);
  CHECK(host.queries[0].flags == HOSTLER_SQL_READ);
  CHECK(host.queries[1].flags == 0);
  CHECK(host.queries[1].params.size() == 5);
  CHECK(host.queries[2].flags == HOSTLER_SQL_READ);
  CHECK(host.lines.at(0).second == "41 rows before this one");
  CHECK(host.enqueued.empty());
}

TEST_CASE("the README's handler keeps users") {
  Host host;
  REQUIRE(host.start(example("readme"), "readme.user-events"));
  const auto out = host.process({{.value = R"({"name":"Ada"})", .key = "u1", .event_type = "user.created"},
                                 {.value = R"({"name":"Ada L."})", .key = "u1", .event_type = "user.updated"},
                                 {.value = "{}", .key = "u1", .event_type = "user.deleted"},
                                 {.value = std::nullopt, .key = "u2"},
                                 {.value = "{}", .key = std::nullopt}});
  CHECK(out.verdicts == Verdicts{HOSTLER_DONE, HOSTLER_DONE, HOSTLER_DONE, HOSTLER_DONE, HOSTLER_REJECT});
  REQUIRE(host.enqueued.size() == 4);
  CHECK(host.enqueued[0].params[1] == Value::of(HOSTLER_SQL_JSON, R"({"name":"Ada"})"));
  CHECK(host.enqueued[0].params[2].i == 1700000000123000);
  CHECK(host.enqueued[2].sql == "DELETE FROM users WHERE id = $1");
  CHECK(host.published.size() == 1);
}
