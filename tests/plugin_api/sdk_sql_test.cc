// ctx.sql(): what parameters look like at the border, and what comes back from a query.
#include <limits>
#include <string>
#include <vector>

#include "plugin_api/fake_host.h"
#include "support/catch.h"

using fake::Host;
using fake::Value;
using namespace std::string_literals;
using Verdicts = std::vector<std::uint8_t>;

namespace {
const fake::Plugin& probe() {
  static const fake::Plugin plugin(HOSTLER_TEST_PLUGIN_DIR "/sdk_probe.so");
  return plugin;
}
Value boolean(bool b) { return {HOSTLER_SQL_BOOL, b ? 1 : 0, 0, std::nullopt}; }
Value real(double r) { return {HOSTLER_SQL_REAL, 0, r, std::nullopt}; }
Value text(const std::string& s) { return Value::of(HOSTLER_SQL_TEXT, s); }
Value blob(const std::string& s) { return Value::of(HOSTLER_SQL_BLOB, s); }
Value time_us(std::int64_t us) { return {HOSTLER_SQL_TIMESTAMP_US, us, 0, std::nullopt}; }

const std::vector<Value> row = {Value::integer(1000), text("name"), text("12"), Value{},
                                blob("\0\0"s),        text("t")};
} // namespace

TEST_CASE("parameters keep their type and every byte") {
  Host host;
  REQUIRE(host.start(probe(), "params"));
  REQUIRE(host.process({{.value = std::nullopt, .key = "k\0y"s}}).verdicts == Verdicts{HOSTLER_DONE});
  REQUIRE(host.enqueued.size() == 7);
  using List = std::vector<Value>;
  CHECK(host.enqueued[0].params.empty());
  CHECK(host.enqueued[1].params == List{Value::integer(1), Value::integer(-5000000000), Value::integer(7),
                                        real(2.5), real(1.5), boolean(true), boolean(false)});
  CHECK(host.enqueued[2].params ==
        List{text("literal"), text("text"), text("nul\0inside"s), text(""), text("")});
  CHECK(host.enqueued[3].params == List(7));
  CHECK(host.enqueued[4].params ==
        List{blob("\0\1\0\xff"s), blob("\0\1\0\xff"s), blob(""), blob("k\0y"s), Value{}});
  CHECK(host.enqueued[5].params == List{Value::of(HOSTLER_SQL_UUID, "6f1ed002-ab59-5892-a4e4-6f6dd0ed5d47"),
                                        Value::of(HOSTLER_SQL_JSON, R"({"a":1})"), time_us(1700000000123000),
                                        time_us(42), Value::of(HOSTLER_SQL_JSON, "null")});
  CHECK(host.enqueued[6].params == List{Value::integer(1), text("two")});
}

TEST_CASE("an integer that SQL cannot hold is retry, not another number") {
  Host host;
  REQUIRE(host.start(probe(), "too_big"));
  CHECK(host.process({{"x"}}).verdicts == Verdicts{HOSTLER_RETRY});
  CHECK(host.enqueued.empty());
  CHECK(host.explained[0].reason == "SQL integer above 9223372036854775807");
}

TEST_CASE("a refused statement is retry for its record, a lost transaction ends the batch") {
  Host host;
  REQUIRE(host.start(probe(), "params"));
  host.sql_status = HOSTLER_E_INVALID;
  CHECK(host.process({{"x"}}).verdicts == Verdicts{HOSTLER_RETRY});
  CHECK(host.explained[0].reason == "sql.enqueue failed with status -1");
  host.sql_status = HOSTLER_E_TX_ABORTED;
  CHECK(host.process({{"x"}, {"y"}}).status == HOSTLER_E_TX_ABORTED);
}

TEST_CASE("rows are read by type, numbers also from text") {
  Host host;
  REQUIRE(host.start(probe(), "rows"));
  host.rows = {row, row};
  CHECK(host.process({{"all"}}).verdicts == Verdicts{HOSTLER_DONE});
  REQUIRE(host.queries.size() == 1);
  CHECK(host.queries[0].flags == HOSTLER_SQL_READ);
  CHECK(host.queries[0].params == std::vector<Value>{text("all")});
  CHECK(host.lines.at(0).second == "2:1000,name,12,null,2,true;1000,name,12,null,2,true;");
}

TEST_CASE("a row function can stop, and its exception passes around the host") {
  Host host;
  REQUIRE(host.start(probe(), "rows"));
  host.rows = {row, row};
  CHECK(host.process({{"stop"}, {"throw"}, {"null"}, {"narrow"}, {"beyond"}}).verdicts ==
        Verdicts{HOSTLER_DONE, HOSTLER_RETRY, HOSTLER_RETRY, HOSTLER_RETRY, HOSTLER_RETRY});
  CHECK(host.lines.at(0).second == "1:");
  CHECK(host.explained[1].reason == "from the row");
  CHECK(host.explained[2].reason == "SQL result: column 3 is NULL: read it as std::optional");
  CHECK(host.explained[3].reason == "SQL result: column 0 does not fit the integer type");
  CHECK(host.explained[4].reason == "SQL result: column 9 does not exist");
}

TEST_CASE("a failed query ends the batch with the database's words") {
  Host host;
  REQUIRE(host.start(probe(), "rows"));
  host.sql_status = HOSTLER_E_FAILED;
  const auto out = host.process({{"a"}, {"b"}});
  CHECK(out.status == HOSTLER_E_FAILED);
  CHECK(out.message == "sql.query: null value in column \"event_id\"");
  CHECK(out.code == 7);
  CHECK(host.queries.size() == 1);
  host.sql_status = HOSTLER_E_UNAVAILABLE;
  CHECK(host.process({{"a"}}).status == HOSTLER_E_UNAVAILABLE);
}
