// Every way to be wrong: the exact place and text; all errors at once; secrets never repeated.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "config_text.h"
#include "support/catch.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

struct Wrong {
  const char* what;
  std::string from, to;
  Lines errors;
};

// Lines of `minimal`: 1 [kafka], 2 brokers, 3 [ledger], 4 url, 5 [[handler]], 6 name, 7 plugin, 8 handler, 9 topics, 10 group,
// 11 start, 12 event_id.
const std::string id = "event_id = \"json:/eventId\"";

void check_all(const std::vector<Wrong>& cases) {
  for (const Wrong& c : cases) {
    INFO(c.what << ": " << c.to);
    CHECK(errors_of(with(c.from, c.to)) == c.errors);
  }
}

} // namespace

TEST_CASE("wrong types are refused, also those that would convert") {
  check_all({
      {"real for integer",
       id,
       id + "\nlanes = 1.0",
       {"hostler.toml:13:9: 'lanes' must be an integer, this is a number with a fraction"}},
      {"string for integer",
       id,
       id + "\nlanes = \"1\"",
       {"hostler.toml:13:9: 'lanes' must be an integer, this is a string"}},
      {"integer for boolean",
       id,
       id + "\nenabled = 1",
       {"hostler.toml:13:11: 'enabled' must be true or false, this is an integer"}},
      {"integer for duration",
       id,
       id + "\ntimeout = 30",
       {"hostler.toml:13:11: 'timeout' must be a duration in quotes, such as \"30s\", this is an integer"}},
      {"time for string",
       id,
       "event_id = 07:32:00",
       {"hostler.toml:12:12: 'event_id' must be a string, this is a date or time"}},
      {"string for list",
       "topics = [\"user-events\"]",
       "topics = \"user-events\"",
       {"hostler.toml:9:10: 'topics' must be a list of strings, such as [\"a\", \"b\"], this is a string"}},
      {"integers in a list",
       "topics = [\"user-events\"]",
       "topics = [1, \"\", \"a\"]",
       {"hostler.toml:9:11: 'topics' must list strings, this is an integer",
        "hostler.toml:9:14: 'topics' must list strings, this is an empty one, or one with a NUL character"}},
      {"string for table",
       id,
       id + "\nbatch = \"big\"",
       {"hostler.toml:13:9: [handler.batch] must be a table, this is a string"}},
      {"list for config",
       id,
       id + "\nconfig = [1]",
       {"hostler.toml:13:10: 'config' must be a table, [handler.config], this is a list"}},
      {"empty string",
       "\"users\"",
       "\"\"",
       {"hostler.toml:6:8: 'name' is empty; leave the key out or give it a value"}},
      {"NUL", "\"users\"", "\"us\\u0000ers\"", {"hostler.toml:6:8: 'name' holds a NUL character"}},
  });
  CHECK(errors_of("handler = 3\n" + minimal.substr(0, minimal.find("[[handler]]"))) ==
        Lines{"hostler.toml:1:11: write [[handler]] in double brackets: there can be several"});
  CHECK(errors_of("host = 3\n" + minimal) ==
        Lines{"hostler.toml:1:8: [host] must be a table, this is an integer"});
}

TEST_CASE("unknown keys come with the nearest known one, or with their home") {
  check_all({
      {"typo",
       id,
       id + "\nevnt_type = \"key\"",
       {"hostler.toml:13:1: unknown key 'evnt_type' in [[handler]]; nearest known key 'event_type'"}},
      {"elsewhere",
       id,
       id + "\nmax_retries = 3",
       {"hostler.toml:13:1: unknown key 'max_retries' in [[handler]]; it belongs in [defaults.retry] or "
        "[handler.retry]"}},
      {"nothing like it",
       id,
       id + "\nzzzzzz = 1",
       {"hostler.toml:13:1: unknown key 'zzzzzz' in [[handler]]"}},
      {"in a sub-table",
       id,
       id + "\nbatch = { max_record = 1 }",
       {"hostler.toml:13:11: unknown key 'max_record' in [handler.batch]; nearest known key 'max_records'"}},
      {"top level",
       "[kafka]",
       "[kafak]\n[kafka]",
       {"hostler.toml:1:2: unknown key 'kafak' at the top level; nearest known key 'kafka'"}},
      {"control characters",
       id,
       id + "\n\"a\\nb\\u001b[1m\" = 1",
       {"hostler.toml:13:1: unknown key 'a\\x0ab\\x1b[1m' in [[handler]]"}},
  });
}

TEST_CASE("keys of the design that do not exist yet are refused as such") {
  check_all({
      {"concurrency",
       id,
       id + "\nconcurrency = { by = \"key\" }",
       {"hostler.toml:13:1: 'concurrency' in [[handler]] is not available in this version; leave it out"}},
      {"ordering",
       id,
       id + "\nordering = \"key\"",
       {"hostler.toml:13:12: 'ordering' = \"key\" is not available in this version; only \"partition\" is"}},
      {"isolation",
       id,
       id + "\nisolation = \"process\"",
       {"hostler.toml:13:13: 'isolation' = \"process\" is not available in this version; only \"none\" is"}},
      {"other words",
       id,
       id + "\nordering = \"x\"",
       {"hostler.toml:13:12: 'ordering' is 'x'; it can be \"partition\", \"key\""}},
      {"layout",
       "url = ",
       "layout = \"compact\"\nurl = ",
       {"hostler.toml:4:1: 'layout' in [ledger] is not available in this version; leave it out"}},
  });
}

TEST_CASE("values out of range are refused with the range") {
  check_all({
      {"lanes", id, id + "\nlanes = 0", {"hostler.toml:13:9: 'lanes' is 0; it can be 1 to 256"}},
      {"negative", id, id + "\nlanes = -1", {"hostler.toml:13:9: 'lanes' is -1; it can be 1 to 256"}},
      {"huge",
       id,
       id + "\nlanes = 4294967297",
       {"hostler.toml:13:9: 'lanes' is 4294967297; it can be 1 to 256"}},
      {"timeout",
       id,
       id + "\ntimeout = \"50ms\"",
       {"hostler.toml:13:11: 'timeout' is '50ms'; it can be 100ms to 1d"}},
      {"no unit",
       id,
       id + "\ntimeout = \"30\"",
       {"hostler.toml:13:11: 'timeout' is '30', which is no duration; write a whole number with ms, s, m, "
        "min, h or d, such as \"30s\""}},
      {"too many digits",
       id,
       id + "\ntimeout = \"9999999999999s\"",
       {"hostler.toml:13:11: 'timeout' is '9999999999999s', which is no duration; write a whole number with "
        "ms, s, m, min, h or d, such as \"30s\""}},
      {"records",
       id,
       id + "\nbatch = { max_records = 0, max_wait = \"2m\" }",
       {"hostler.toml:13:25: 'max_records' is 0; it can be 1 to 100000",
        "hostler.toml:13:39: 'max_wait' is '2m'; it can be 0ms to 1m"}},
      {"memory",
       "[kafka]",
       "[host]\nmemory = \"1M\"\n[kafka]",
       {"hostler.toml:2:10: 'memory' is '1M'; it can be 16M to 1048576M"}},
      {"memory unit",
       "[kafka]",
       "[host]\nmemory = \"512MB\"\n[kafka]",
       {"hostler.toml:2:10: 'memory' is '512MB', which is no size; write a whole number with K, M or G, such "
        "as \"512M\""}},
      {"sessions",
       "url = ",
       "max_sessions = 0\nurl = ",
       {"hostler.toml:4:16: 'max_sessions' is 0; it can be 1 to 10000"}},
      {"word",
       "\"earliest\"",
       "\"begin\"",
       {"hostler.toml:11:9: 'start' is 'begin'; it can be \"earliest\", \"latest\""}},
      {"level",
       "[kafka]",
       "[host]\nlog_level = \"loud\"\n[kafka]",
       {"hostler.toml:2:13: 'log_level' is 'loud'; it can be \"debug\", \"info\", \"warn\", \"error\""}},
      {"partitions",
       id,
       id +
           "\n[handler.dead_letter]\npartitions = 0\nretention = \"1m\"\nformat = \"xml\"\nheaders = [\"x\"]",
       {"hostler.toml:14:14: 'partitions' is 0; it can be 1 to 10000",
        "hostler.toml:15:13: 'retention' is '1m'; it can be 1h to 3650d",
        "hostler.toml:16:10: 'format' is 'xml'; it can be \"record\", \"json\"",
        "hostler.toml:17:12: 'headers': 'x' is not known; there are \"original-topic\" and \"spring\""}},
  });
}

TEST_CASE("what is required and missing is named with an example") {
  CHECK(errors_of("") == Lines{"hostler.toml:1:1: [kafka] needs 'brokers'; for example brokers = "
                               "[\"localhost:9092\"], or set KAFKA_BROKERS",
                               "hostler.toml:1:1: there is no [[handler]], so there is nothing to run"});
  CHECK(errors_of("[kafka]\nbrokers = [\"a:1\"]\n[ledger]\nurl=\"postgres://x\"\n[[handler]]\n") ==
        Lines{"hostler.toml:5:1: [[handler]] needs 'name'; it is the service_name in the ledger, for example "
              "name = \"user-service\"",
              "hostler.toml:5:1: [[handler]] needs 'plugin'; the plugin's file, for example plugin = "
              "\"interview.so\"",
              "hostler.toml:5:1: [[handler]] needs 'handler'; which of the plugin's handlers, for example "
              "handler = \"interview.user-service\"",
              "hostler.toml:5:1: [[handler]] needs 'group'; the consumer group, for example group = "
              "\"user-service-group\"",
              "hostler.toml:5:1: [[handler]] needs 'topics'; for example topics = [\"user-events\"]",
              "hostler.toml:5:1: [[handler]] needs 'start'; where a new group begins: start = \"earliest\" "
              "or \"latest\"",
              "hostler.toml:5:1: idempotency = \"event-id\" (the default) needs 'event_id'; say where the id "
              "is, for example event_id = \"json:/eventId\", or choose "
              "idempotency = \"offset\" or \"off\""});
  check_all({{"empty list",
              "topics = [\"user-events\"]",
              "topics = []",
              {"hostler.toml:9:10: 'topics' is empty; name at least one topic"}},
             {"empty brokers",
              "[\"localhost:9092\"]",
              "[]",
              {"hostler.toml:2:11: 'brokers' is empty; for example brokers = [\"localhost:9092\"]"}}});
}

TEST_CASE("idempotency: combinations that make no sense are refused") {
  const std::string no_ledger = "[ledger]\nurl = \"sqlite:///tmp/ledger.db\"\n";
  check_all({
      {"event-id without ledger",
       no_ledger,
       "",
       {"hostler.toml:3:1: idempotency = \"event-id\" (the default) needs 'url' in [ledger]; or choose "
        "idempotency = \"off\""}},
      {"on_missing_id",
       id,
       "idempotency = \"off\"\non_missing_id = \"origin\"",
       {"hostler.toml:13:17: 'on_missing_id' has no meaning without idempotency = \"event-id\"; leave it "
        "out"}},
      {"origin is never missing",
       id,
       "event_id = \"origin\"\non_missing_id = \"reject\"",
       {"hostler.toml:13:17: 'on_missing_id' has no meaning with event_id = \"origin\", which is never "
        "missing; leave it out"}},
      {"on_sql_error",
       id,
       "idempotency = \"off\"\non_sql_error = \"retry\"",
       {"hostler.toml:13:16: 'on_sql_error' has no meaning with idempotency = \"off\", where the host runs "
        "no SQL; leave it out"}},
      {"ledger",
       id,
       "idempotency = \"off\"\nledger = \"x\"\n[ledgers.x]\nurl = \"sqlite:///x\"",
       {"hostler.toml:13:10: 'ledger' has no meaning with idempotency = \"off\", where the host runs no SQL; leave "
        "it out"}},
      {"max_wait",
       id,
       id + "\nbatch = { max_records = 1, max_wait = \"5ms\" }",
       {"hostler.toml:13:39: 'max_wait' has no meaning with max_records = 1: there is no company to wait for"}},
  });
  CHECK(errors_of(with(no_ledger, "", with(id, "idempotency = \"offset\""))) ==
        Lines{"hostler.toml:10:15: idempotency = \"offset\" needs 'url' in [ledger]; or choose idempotency = "
              "\"off\""});
  CHECK(errors_of(with(no_ledger, "", with(id, "idempotency = \"off\""))).empty());
  CHECK(errors_of(with(no_ledger, "", with(id, "idempotency = \"off\"\nmigrations = \"m\""))) ==
        Lines{"hostler.toml:11:14: 'migrations' needs 'url' in [ledger]"});
}

TEST_CASE("effects = kafka: combinations that make no sense are refused") {
  const std::string needs_off = " needs idempotency = \"off\": a ledger cannot commit together with a transaction of the brokers";
  check_all({
      {"event ids",
       id,
       id + "\neffects = \"kafka\"",
       {"hostler.toml:13:11: 'effects' = \"kafka\"" + needs_off}},
      {"the default",
       id,
       "effects = \"kafka\"",
       {"hostler.toml:12:11: 'effects' = \"kafka\"" + needs_off}},
      {"offsets",
       id,
       "idempotency = \"offset\"\neffects = \"kafka\"",
       {"hostler.toml:13:11: 'effects' = \"kafka\"" + needs_off}},
      {"what was aborted",
       id,
       "idempotency = \"off\"\neffects = \"kafka\"\n[handler.kafka]\n\"isolation.level\" = \"read_uncommitted\"",
       {"hostler.toml:13:11: 'effects' = \"kafka\" needs \"isolation.level\" = \"read_committed\" (which is the default): what was aborted must not be "
        "read again"}},
      {"order of keys",
       id,
       "idempotency = \"off\"\neffects = \"kafka\"\nordering = \"key\"",
       {"hostler.toml:13:11: 'effects' = \"kafka\" needs ordering = \"partition\": parked records of a key would need a ledger",
        "hostler.toml:14:12: 'ordering' = \"key\" is not available in this version; only \"partition\" is"}},
      {"no such word",
       id,
       "idempotency = \"off\"\neffects = \"http\"",
       {"hostler.toml:13:11: 'effects' is 'http'; it can be \"sql\", \"kafka\""}},
  });
}

TEST_CASE("locators are checked") {
  check_all({
      {"no prefix",
       id,
       "event_id = \"eventId\"",
       {"hostler.toml:12:12: 'event_id' is 'eventId'; it can be \"json:/path\", \"header:name\", \"key\" or "
        "\"origin\""}},
      {"no slash",
       id,
       "event_id = \"json:eventId\"",
       {"hostler.toml:12:12: 'event_id' is 'json:eventId'; after json: comes a JSON pointer, such as "
        "\"json:/eventId\" or \"json:/metadata/id\""}},
      {"tilde",
       id,
       "event_id = \"json:/a~2\"",
       {"hostler.toml:12:12: 'event_id' is 'json:/a~2'; in a JSON pointer '~' is written ~0 and '/' inside a "
        "name ~1"}},
      {"no header",
       id,
       "event_id = \"header:\"",
       {"hostler.toml:12:12: 'event_id' is 'header:'; it can be \"json:/path\", \"header:name\", \"key\" or "
        "\"origin\""}},
      {"type from origin",
       id,
       id + "\nevent_type = \"origin\"",
       {"hostler.toml:13:14: 'event_type' is 'origin'; it can be \"json:/path\", \"header:name\", \"key\""}},
  });
}

TEST_CASE("delays and topic templates are checked") {
  const std::string retry = id + "\n[handler.retry]\n";
  const std::string dead = id + "\n[handler.dead_letter]\n";
  check_all({
      {"no duration",
       id,
       retry + "delays = [\"1m\", \"soon\"]",
       {"hostler.toml:14:17: 'delays': 'soon' is no duration; write a whole number with ms, s, m, min, h or "
        "d, such as \"5m\""}},
      {"not increasing",
       id,
       retry + "delays = [\"1m\", \"60s\", \"5m\"]",
       {"hostler.toml:14:17: 'delays': '60s' is not longer than the one before it (1m); delays must "
        "increase"}},
      {"zero",
       id,
       retry + "delays = [\"0s\"]",
       {"hostler.toml:14:11: 'delays': '0s' is out of range; it can be 1ms to 7d"}},
      {"none",
       id,
       retry + "delays = []",
       {"hostler.toml:14:10: 'delays' is empty, so there is no topic to wait in; give one delay or set "
        "max_retries = 0"}},
      {"unknown placeholder",
       id,
       retry + "topic = \"{topic}.{dely}.{delay}\"",
       {"hostler.toml:14:9: 'topic' has the unknown placeholder '{dely}'; there are {topic} {group} "
        "{handler} {delay} {attempt}"}},
      {"open brace",
       id,
       retry + "topic = \"{delay}.{topic\"",
       {"hostler.toml:14:9: 'topic' is '{delay}.{topic' with a brace that has no partner"}},
      {"tenant",
       id,
       retry + "topic = \"{tenant}.{delay}\"",
       {"hostler.toml:14:9: 'topic' uses {tenant}, which is not available in this version"}},
      {"without delay",
       id,
       retry + "topic = \"retry\"",
       {"hostler.toml:14:9: 'topic' needs {delay}: with several delays each has its own topic"}},
      {"delay of a letter",
       id,
       dead + "topic = \"dlq.{delay}\"",
       {"hostler.toml:14:9: 'topic' uses {delay}, which a dead letter does not have; there are {topic} "
        "{group} {handler}"}},
      {"back into the source",
       id,
       dead + "topic = \"{topic}\"",
       {"hostler.toml:14:9: 'topic' would send copies back into the topic they came from"}},
      {"source by name",
       id,
       dead + "topic = \"user-events\"",
       {"hostler.toml:14:9: handler 'users': dead-letter topic 'user-events' is a topic that the handler "
        "reads; its poison would go round for ever"}},
      {"illegal letters",
       id,
       dead + "topic = \"dead letters\"",
       {"hostler.toml:14:9: handler 'users': topic name 'dead letters' from template 'dead letters' is not "
        "legal: 1 to 249 characters of a-z, A-Z, 0-9, '.', '_' and "
        "'-'"}},
      {"retries in dead letters",
       id,
       retry + "delays = [\"1m\"]\ntopic = \"x\"\n[handler.dead_letter]\ntopic = \"x\"",
       {"hostler.toml:17:9: handler 'users': topic 'x' would hold both retries and dead letters"}},
  });
  const std::string long_topic(240, 'a');
  const Lines too_long = errors_of(with("user-events", long_topic));
  REQUIRE(too_long.size() == 1);
  CHECK_THAT(too_long[0], contains("hostler.toml:5:1: handler 'users': topic name '") &&
                              contains("is not legal: 1 to 249"));
  check_all({{"topic letters",
              "[\"user-events\"]",
              "[\"a b\", \"..\", \"*\", \"x\", \"x\"]",
              {"hostler.toml:9:11: 'topics': 'a b' is no topic name: 1 to 249 of a-z, A-Z, 0-9, '.', '_', "
               "'-'; a pattern has '*' for any text, such as \"chat.messages.*\"",
               "hostler.toml:9:18: 'topics': '..' is no topic name: 1 to 249 of a-z, A-Z, 0-9, '.', '_', "
               "'-'; a pattern has '*' for any text, such as \"chat.messages.*\"",
               "hostler.toml:9:34: 'topics': 'x' is listed twice"}}});
}

TEST_CASE("handlers are checked against each other") {
  const std::string other = minimal.substr(minimal.find("[[handler]]"));
  const auto second = [&](const std::string& name, const std::string& group) {
    return minimal + with("\"users\"", "\"" + name + "\"", with("users-group", group, other));
  };
  CHECK(errors_of(second("users", "other")) ==
        Lines{"hostler.toml:14:8: handler name 'users' is taken by hostler.toml:5; names are unique, the "
              "ledger keeps handlers apart by them"});
  CHECK(errors_of(second("b", "users-group")) ==
        Lines{"hostler.toml:18:9: group 'users-group' is taken by handler 'users' (hostler.toml:5); two "
              "handlers in one group would each get half of the records and filter "
              "each other's retry copies; give each its own group"});
  CHECK(errors_of(second("b", "users-group") + "enabled = false\n").empty());
  CHECK(errors_of(second("b", "users-group.retry")) ==
        Lines{"hostler.toml:18:9: group 'users-group.retry' is where handler 'users' (hostler.toml:5) reads "
              "its retries; choose another"});
  CHECK(errors_of(second("b", "b") + "topics_ = 1\n").size() == 1);

  SECTION("shared retry and dead-letter topics are fine") {
    CHECK(errors_of(second("b", "b") +
                    "[defaults.retry]\ntopic = \"internal.retry.{delay}\"\n[defaults.dead_letter]\ntopic = "
                    "\"internal.dlq\"\n")
              .empty());
    CHECK(errors_of(second("b", "b") + "[defaults.dead_letter]\ntopic = \"{topic}-dlq\"\n").empty());
  }
  SECTION("a retry topic has one delay") {
    CHECK(errors_of(minimal + "[handler.retry]\ndelays = [\"1m\"]\ntopic = \"again\"\n" +
                    with("\"users\"", "\"b\"", with("users-group", "b", other)) +
                    "[handler.retry]\ndelays = [\"2m\"]\ntopic = \"again\"\n") ==
          Lines{"hostler.toml:26:9: handler 'b': retry topic 'again' would hold records for 1m and for 2m; a "
                "retry topic has one delay, put {delay} into its name"});
  }
  SECTION("a retry topic is nobody's source") {
    CHECK(errors_of(minimal + with("\"users\"", "\"b\"",
                                   with("user-events", "user-events.users-group.retry.5m",
                                        with("users-group", "b", other)))) ==
          Lines{"hostler.toml:5:1: handler 'users': retry topic 'user-events.users-group.retry.5m' is a "
                "source topic of handler 'b'; change 'topic' in [handler.retry]"});
  }
}

TEST_CASE("Kafka properties that correctness stands on are refused") {
  const auto properties = [](const std::string& line) {
    return errors_of(with("[ledger]", "[kafka.properties]\n" + line + "\n[ledger]"));
  };
  for (const char* const name :
       {"enable.auto.commit", "auto.commit.interval.ms", "enable.auto.offset.store", "enable.partition.eof",
        "group.id", "auto.offset.reset", "bootstrap.servers", "client.id", "enable.idempotence", "acks",
        "transactional.id", "allow.auto.create.topics", "rebalance_cb", "opaque"}) {
    const Lines quoted = properties("\"" + std::string(name) + "\" = \"x\"");
    const Lines bare = properties(std::string(name) + " = true");
    INFO(name);
    REQUIRE(quoted.size() == 1);
    REQUIRE(bare.size() == 1);
    CHECK_THAT(quoted[0], contains("hostler.toml:4:1: '" + std::string(name) + "' cannot be set: "));
    CHECK_THAT(bare[0], contains("'" + std::string(name) + "' cannot be set: "));
  }
  CHECK(properties("\"group.id\" = \"x\"") ==
        Lines{"hostler.toml:4:1: 'group.id' cannot be set: state 'group' of the handler"});
  CHECK(properties("\"Group.Id\" = \"x\"") ==
        Lines{"hostler.toml:4:1: 'Group.Id' in [kafka.properties] is not the name of a librdkafka property"});
  CHECK(properties("\"a.b\" = 1.5") == Lines{"hostler.toml:4:9: 'a.b' must be a string, an integer, true or "
                                             "false, this is a number with a fraction"});
  CHECK(properties("\"a.b\" = 1\na.b = 2") ==
        Lines{"hostler.toml:4:1: 'a.b' is stated twice in [kafka.properties], quoted and with bare dots"});
  CHECK(properties("\"heartbeat.interval.ms\" = 20000") ==
        Lines{"hostler.toml:3:1: 'heartbeat.interval.ms' (20000) must be at most a third of "
              "'session.timeout.ms' (30000), or one lost heartbeat ends the membership"});
  CHECK(
      properties("\"session.timeout.ms\" = 60000\n\"max.poll.interval.ms\" = 50000") ==
      Lines{
          "hostler.toml:3:1: 'max.poll.interval.ms' (50000) must not be below 'session.timeout.ms' (60000)"});
  CHECK(
      properties("\"session.timeout.ms\" = \"30s\"") ==
      Lines{"hostler.toml:3:1: 'session.timeout.ms' must be a whole number of milliseconds, 1 to 86400000"});
  CHECK(errors_of(minimal + "[handler.kafka]\n\"group.id\" = \"x\"\n") ==
        Lines{"hostler.toml:14:1: 'group.id' cannot be set: state 'group' of the handler"});
  CHECK(errors_of(with("[ledger]", "properties = 3\n[ledger]")) ==
        Lines{"hostler.toml:3:14: [kafka.properties] must be a table, this is an integer"});
}

TEST_CASE("brokers are host:port") {
  for (const char* const wrong :
       {"a b:1", "host:", "host:0", "host:65536", "host:x", ":9092", "a:1,b:2", "host:1/x"}) {
    INFO(wrong);
    CHECK(errors_of(with("localhost:9092", wrong)) ==
          Lines{"hostler.toml:2:12: 'brokers': '" + std::string(wrong) + "' is not host:port"});
  }
  for (const char* const right :
       {"host", "host:1", "10.0.0.1:9092", "[::1]:9092", "[::1]", "SSL://host:9093"}) {
    INFO(right);
    CHECK(errors_of(with("localhost:9092", right)).empty());
  }
}

TEST_CASE("wrong environment variables are named") {
  CHECK(errors_of(minimal, {{"KAFKA_AUTO_COMMIT", "true"}}) ==
        Lines{"environment: KAFKA_AUTO_COMMIT can only be false: the host commits an offset after its record "
              "is settled"});
  CHECK(errors_of(minimal, {{"KAFKA_MAX_RETRIES", "-1"}}) ==
        Lines{"environment: KAFKA_MAX_RETRIES is '-1'; it must be a whole number"});
  CHECK(errors_of(minimal, {{"KAFKA_MAX_RETRIES", "1001"}}) ==
        Lines{"environment variable KAFKA_MAX_RETRIES: 'max_retries' is 1001; it can be 0 to 1000"});
  CHECK(errors_of(minimal, {{"KAFKA_SESSION_TIMEOUT", "30s"}}) ==
        Lines{"environment: KAFKA_SESSION_TIMEOUT is '30s'; it must be a whole number of milliseconds"});
  CHECK(errors_of(minimal, {{"LOG_LEVEL", "loud"}}) ==
        Lines{"environment variable LOG_LEVEL: 'log_level' is 'loud'; it can be \"debug\", \"info\", \"warn\", "
              "\"error\""});
  CHECK(errors_of(with("brokers = [\"localhost:9092\"]", ""), {{"KAFKA_BROKERS", "a:1,,b:2"}}) ==
        Lines{"environment variable KAFKA_BROKERS: 'brokers' must list strings, this is an empty one, or one with "
              "a NUL character"});
}

TEST_CASE("what TOML itself refuses has its place") {
  CHECK_THAT(errors_of("a = \n").at(0), contains("hostler.toml:1:"));
  CHECK_THAT(errors_of("[kafka]\nx = 1\nx = 2\n").at(0), contains("hostler.toml:3:5: "));
  CHECK_THAT(errors_of("x = 99999999999999999999\n").at(0), contains("hostler.toml:1:"));
  CHECK_THAT(errors_of("x = 2025-02-30\n").at(0), contains("hostler.toml:1:"));
  CHECK_THAT(errors_of("x = \"\xff\"\n").at(0), contains("hostler.toml:1:"));
  CHECK_THAT(errors_of(std::string("x = 1\0", 6)).at(0), contains("hostler.toml:1:"));
}

TEST_CASE("nan and inf have no place in JSON") {
  CHECK(errors_of(minimal + "[handler.config]\nx = nan\ny = [1, -inf]\n") ==
        Lines{"hostler.toml:14:5: nan and inf cannot be handed to a plugin, JSON has no such numbers; use a "
              "string",
              "hostler.toml:15:9: nan and inf cannot be handed to a plugin, JSON has no such numbers; use a "
              "string"});
}

TEST_CASE("files that are no files") {
  const TempDir folder;
  const auto text_of = [](const std::string& path) {
    const Loaded loaded = config::load_config(path, {});
    REQUIRE_FALSE(loaded);
    REQUIRE(loaded.error().size() == 1);
    return loaded.error()[0].text();
  };
  const std::string path = folder.path().string();
  CHECK(text_of(path) == path + ": is a folder; name the file, for example " + path + "/hostler.toml");
  CHECK(text_of(path + "/none.toml") == path + "/none.toml: cannot be read: No such file or directory");
  const std::string large =
      folder.write("large.toml", minimal + "#" + std::string(64UL * 1024, 'x')).string();
  CHECK(text_of(large) == large + ": is larger than 64 KB; spread the handlers over files in conf.d");
  CHECK(text_of("/dev/zero") ==
        "/dev/zero: is a device or socket, not a file; write what it gives to a file and name that");
  const std::string pipe = (folder / "pipe").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(text_of(pipe) == pipe + ": is a pipe, not a file; write what it gives to a file and name that");
  if (::geteuid() != 0) {
    const std::string closed = folder.write("closed.toml", minimal).string();
    std::filesystem::permissions(closed, std::filesystem::perms::none);
    CHECK(text_of(closed) == closed + ": cannot be read: Permission denied");
  }
}

TEST_CASE("a file made to overflow the parser is refused") {
  std::string dots = "a";
  for (int i = 0; i < 30'000; ++i) dots += ".a";
  CHECK(errors_of("x = 1\n" + dots + " = 1\n") == Lines{"hostler.toml:2:1: more than 500 dots in one line"});
  std::string sixty = "a";
  for (int i = 0; i < 100; ++i) sixty += ".a";
  CHECK_THAT(errors_of(sixty + " = 1\n").at(0), contains("nested deeper than 64 levels"));
  CHECK_THAT(errors_of("x = " + std::string(5000, '[') + std::string(5000, ']')).at(0),
             contains("hostler.toml:1:"));
  // Inline tables in lists on many lines, each with a long dotted key.
  std::string nested;
  for (int i = 0; i < 60; ++i) nested += "{" + sixty + sixty.substr(1) + sixty.substr(1) + "=[\n";
  CHECK_FALSE(errors_of("x = [" + nested).empty());
  for (int i = 0; i < 60; ++i) nested += "]}";
  CHECK_FALSE(errors_of("x = [" + nested + "]").empty());
}

TEST_CASE("secrets are never repeated") {
  const auto silent = [](const std::string& toml) {
    const Lines errors = errors_of(toml);
    REQUIRE_FALSE(errors.empty());
    for (const std::string& error : errors) {
      INFO(error);
      CHECK(error.find("hunter2") == std::string::npos);
    }
  };
  silent(with("sqlite:///tmp/ledger.db", "mysql://bob:hunter2@db/x"));
  silent(with("\"sqlite:///tmp/ledger.db\"", "postgresql://bob:hunter2@db/x"));
  silent(with("\"sqlite:///tmp/ledger.db\"", "[\"postgresql://bob:hunter2@db/x\"]"));
  silent(with("[ledger]", "[kafka.properties]\n\"sasl.password\" = [\"hunter2\"]\n[ledger]"));
  silent(with("[ledger]", "[kafka.properties]\n\"sasl.password\" = hunter2\n[ledger]"));
  silent(with("[ledger]", "[kafka.properties]\n\"sasl.password\" =\n hunter2\n[ledger]"));
  silent(with("[ledger]", "[kafka.properties]\n\"sasl.password\" = \"hunter2\\u0000\"\n[ledger]"));
  silent(with("[ledger]", "[kafka.properties]\n\"session.timeout.ms\" = \"hunter2\"\n[ledger]"));
}

TEST_CASE("all errors at once, in the order of the file") {
  CHECK(errors_of(R"([host]
nam = "x"
[kafka]
brokers = ["a b"]
[ledger]
url = "sqlite://relative.db"
[[handler]]
name = "x y"
plugin = "p.so"
handler = "h"
topics = ["t"]
group = "g"
start = "never"
event_id = "key"
lanes = 1000
[defaults.retry]
delays = ["x"]
)") == Lines{"hostler.toml:2:1: unknown key 'nam' in [host]; nearest known key 'name'",
             "hostler.toml:4:12: 'brokers': 'a b' is not host:port",
             "hostler.toml:6:7: 'url' must be \"postgresql://user@host/database\" or, with the file's "
             "absolute path, \"sqlite:///var/lib/hostler/ledger.db\"",
             "hostler.toml:8:8: 'name' is 'x y'; it can be 1 to 100 of a-z, A-Z, 0-9, '.', '_', '-'",
             "hostler.toml:13:9: 'start' is 'never'; it can be \"earliest\", \"latest\"",
             "hostler.toml:15:9: 'lanes' is 1000; it can be 1 to 256",
             "hostler.toml:17:11: 'delays': 'x' is no duration; write a whole number with ms, s, m, min, h "
             "or d, such as \"5m\""});
}
