// The SDK, driven through the C border by a fake host: verdicts, errors, life cycle, services.
#include <string>
#include <vector>

#include "plugin_api/fake_host.h"
#include "support/catch.h"

using fake::Host;
using fake::In;
using Bytes = std::vector<std::uint8_t>;

namespace {
const fake::Plugin& probe() {
  static const fake::Plugin plugin(HOSTLER_TEST_PLUGIN_DIR "/sdk_probe.so");
  return plugin;
}
std::vector<std::string> lines(const Host& host) {
  std::vector<std::string> all;
  for (const auto& [level, line] : host.lines) all.push_back(line);
  return all;
}
} // namespace

TEST_CASE("verdicts carry reason, code, detail and time") {
  Host host;
  REQUIRE(host.start(probe(), "verdicts"));
  const auto out = host.process({{"later"}, {"fine"}, {"explain"}, {.value = "attempt", .attempt = 4}});
  CHECK(out.status == HOSTLER_OK);
  CHECK(out.verdicts == Bytes{HOSTLER_RETRY, HOSTLER_DONE, HOSTLER_REJECT, HOSTLER_DROP});
  CHECK(host.explained.size() == 3);
  CHECK(host.explained[0].reason == "rate limit");
  CHECK(host.explained[0].detail == "line 1\nline 2");
  CHECK(host.explained[0].code == 429);
  CHECK(host.explained[0].not_before_ms == 1800000000000);
  CHECK(host.explained[2].reason == "noted");
  CHECK(host.explained[2].code == 5);
  CHECK(host.explained[3].reason == "4@user-events");
}

TEST_CASE("an exception is retry for its record and leaves the rest of the batch alone") {
  Host host;
  REQUIRE(host.start(probe(), "verdicts"));
  const auto out = host.process({{"fine"}, {"coded"}, {"int"}, {"fine"}});
  CHECK(out.status == HOSTLER_OK);
  CHECK(out.verdicts == Bytes{HOSTLER_DONE, HOSTLER_RETRY, HOSTLER_RETRY, HOSTLER_DONE});
  CHECK(host.explained[1].reason == "with a code");
  CHECK(host.explained[1].code == 77);
  CHECK(host.explained[1].detail == "thrown: hostler::Error");
  CHECK(host.explained[2].reason == "the handler threw something that is no std::exception");
}

TEST_CASE("verdicts and exceptions work without the verdict-detail service") {
  Host host;
  host.missing = {HOSTLER_EXT_VERDICT, HOSTLER_EXT_LOG, HOSTLER_EXT_CANCEL};
  REQUIRE(host.start(probe(), "verdicts"));
  CHECK(host.process({{"later"}, {"int"}, {"cancel"}}).verdicts ==
        Bytes{HOSTLER_RETRY, HOSTLER_RETRY, HOSTLER_DONE});
}

TEST_CASE("a batch error thrown for a record ends the whole batch with its status") {
  Host host;
  REQUIRE(host.start(probe(), "verdicts"));
  CHECK(host.process({{"cancel"}}).status == HOSTLER_OK); // there is time
  host.remaining_ms = 0;
  const auto out = host.process({{"fine"}, {"cancel"}});
  CHECK(out.status == HOSTLER_E_CANCELLED);
  CHECK(out.message == "out of time");
}

TEST_CASE("an exception of a batch function fails the batch with its message") {
  Host host;
  REQUIRE(host.start(probe(), "batch_throws"));
  const auto plain = host.process({{"x"}});
  CHECK(plain.status == HOSTLER_E_FAILED);
  CHECK(plain.message == "user-events.retry.1m cannot be handled");
  const auto down = host.process({{"down"}});
  CHECK(down.status == HOSTLER_E_UNAVAILABLE);
  CHECK(down.message == "the mail server is down");
  CHECK(down.code == 3);
  CHECK(host.process({{"int"}}).status == HOSTLER_E_FAILED);
}

TEST_CASE("messages travel with key, headers and time, and the defaults are Kafka's") {
  Host host;
  REQUIRE(host.start(probe(), "publish"));
  using Pairs = std::vector<std::pair<std::string, std::optional<std::string>>>;
  Pairs headers = {{"trace", "old"}, {"empty", ""}, {"null", std::nullopt}, {"trace", "new"}};
  CHECK(host.process({{.value = "out", .key = std::nullopt, .headers = headers}}).verdicts ==
        Bytes{HOSTLER_DONE});
  REQUIRE(host.published.size() == 2);
  headers.emplace_back("found", "new"); // of a repeated name the last one counts
  CHECK(host.published[0].topic == "out");
  CHECK(host.published[0].key == std::nullopt);
  CHECK(host.published[0].value == std::nullopt);
  CHECK(host.published[0].headers == headers);
  CHECK(host.published[0].timestamp_ms == 1700000000123);
  CHECK(host.published[0].flags == HOSTLER_MESSAGE_NO_WAIT);
  CHECK(host.published[1].value == "text");
  CHECK(host.published[1].partition == -1);
  CHECK(host.published[1].timestamp_ms == 0);
  CHECK(host.published[1].flags == 0);
}

TEST_CASE("more headers than fit the stack travel too, and a refused message is retry") {
  Host host;
  REQUIRE(host.start(probe(), "publish"));
  In in{.value = "", .headers = {}};
  for (int i = 0; i < 50; ++i) in.headers.emplace_back(std::to_string(i), "v");
  CHECK(host.process({in}).verdicts == Bytes{HOSTLER_RETRY}); // an empty topic
  CHECK(host.published.at(0).headers.size() == 50);
  CHECK(host.explained[0].reason == "publish failed with status -1");
}

TEST_CASE("create fails with one clear line when a needed service is missing") {
  Host host;
  host.missing = {HOSTLER_EXT_SQL};
  CHECK_FALSE(host.start(probe(), "params"));
  CHECK(host.error ==
        "params needs hostler.sql/1, which this host (fake 1.2.3) does not offer to handler \"the-service\": "
        "configure a [ledger] for it");
  host.missing = {HOSTLER_EXT_HEADERS};
  CHECK_FALSE(host.start(probe(), "publish"));
  CHECK(host.error.starts_with("publish needs hostler.headers/1"));
}

TEST_CASE("an unknown handler id is refused with the ids that exist") {
  Host host;
  CHECK_FALSE(host.start(probe(), "nobody"));
  CHECK(host.error.starts_with("this plugin has no handler \"nobody\"; it has \"params\""));
}

TEST_CASE("a constructor that throws refuses the configuration, and nothing is left behind") {
  Host host;
  CHECK_FALSE(host.start(probe(), "lifecycle", "bad"));
  CHECK(host.error == "table must be a name");
  CHECK(host.lines.empty());
}

TEST_CASE("a long error is cut between characters") {
  Host host;
  CHECK_FALSE(host.start(probe(), "lifecycle", "long"));
  CHECK(host.error == std::string(246, 'x')); // byte 247 would be half an ä
}

TEST_CASE("validate_config judges without making a handler") {
  hostler_error e{};
  e.struct_size = sizeof e;
  CHECK(probe()->validate_config(fake::str("lifecycle"), fake::str("{}"), &e) == HOSTLER_OK);
  CHECK(probe()->validate_config(fake::str("lifecycle"), fake::str("bad"), &e) == HOSTLER_E_INVALID);
  CHECK(std::string(e.message) == "table must be a name");
  CHECK(probe()->validate_config(fake::str("verdicts"), fake::str("bad"), &e) ==
        HOSTLER_OK); // has no opinion
  CHECK(probe()->validate_config(fake::str("nobody"), fake::str("{}"), &e) == HOSTLER_E_INVALID);
}

TEST_CASE("start, lanes, stop and destroy come in order, and what stop throws is logged") {
  Host host;
  REQUIRE(host.start(probe(), "lifecycle"));
  hostler_error e{};
  e.struct_size = sizeof e;
  hostler_lane* second = host.handler()->create_lane(host.handler(), 1, &e);
  REQUIRE(second != nullptr);
  CHECK(host.process({{"a"}, {"b"}}).verdicts == Bytes{HOSTLER_DONE, HOSTLER_DONE});
  second->destroy(second);
  host.stop();
  CHECK(lines(host) == std::vector<std::string>{"made for the-service", "start", "lane 0 call 1",
                                                "lane 0 call 2", "stop", "stop failed", "destroyed"});
}

TEST_CASE("a failing start and a failing lane say why") {
  Host host;
  CHECK_FALSE(host.start(probe(), "lifecycle", "bad start"));
  CHECK(host.error == "cannot start");
  CHECK(lines(host) == std::vector<std::string>{"made for the-service", "start", "destroyed"});
  CHECK_FALSE(host.start(probe(), "lifecycle", "bad lane"));
  CHECK(host.error == "no lane for you");
}

TEST_CASE("the descriptors are what HOSTLER_PLUGIN says") {
  const fake::Plugin& plugin = probe();
  CHECK(plugin->struct_size == sizeof(hostler_plugin));
  CHECK(plugin->abi_major == HOSTLER_ABI_MAJOR);
  CHECK(plugin->abi_minor_built == HOSTLER_ABI_MINOR);
  CHECK(plugin->module_init(nullptr) == HOSTLER_OK);
  REQUIRE(plugin->handler_count() == 8);
  CHECK(plugin->handler_at(8) == nullptr);
  const hostler_handler_desc* params = plugin->handler_at(0);
  CHECK(fake::text(params->id) == "params");
  CHECK(params->flags == HOSTLER_HANDLER_ENQUEUES);
  const hostler_handler_desc* lifecycle = plugin->handler_at(5);
  CHECK(fake::text(lifecycle->version) == "2.0");
  CHECK(fake::text(lifecycle->event_types) == "a,b");
  CHECK(fake::text(lifecycle->config_schema) == R"({"type":"object"})");
  CHECK(lifecycle->flags == 0);
}

TEST_CASE("a handler whose function is not const gets one lane only") {
  CHECK(fake::text(probe()->handler_at(6)->id) == "not_const");
  CHECK(probe()->handler_at(6)->flags == HOSTLER_HANDLER_SINGLE_LANE);
}
