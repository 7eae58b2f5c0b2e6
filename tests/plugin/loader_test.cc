#include "plugin/loader.h"

#include <string>

#include "plugin/handler.h"
#include "support/catch.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

plugin::LoadOptions probed() {
  plugin::LoadOptions options;
  options.probe.program = HOSTLER_BINARY;
  return options;
}

core::HandlerConfig configured(const std::string& id, const std::string& json = "{}") {
  core::HandlerConfig c;
  c.name = "service";
  c.plugin = "picky.so";
  c.handler = id;
  c.idempotency = core::Idempotency::off;
  c.where = "hostler.toml:7";
  c.config_json = json;
  return c;
}

std::string make_error(const core::HandlerConfig& config) {
  auto loaded = plugin::load_plugin(std::string(HOSTLER_TEST_PLUGIN_DIR) + "/picky.so", probed());
  REQUIRE(loaded.ok());
  auto made = plugin::Handler::make(loaded.value(), config, {});
  if (!made) return made.error().message;
  const auto lane = made.value()->create_lane(0);
  if (!lane) return lane.error().message;
  lane.value()->destroy(lane.value());
  return "(made)";
}

}  // namespace

TEST_CASE("a missing file is one clear line") {
  CHECK_THAT(plugin::find_plugin("user_events.so", {"/nowhere", "/nor/here"}).error().message, contains("/nowhere/user_events.so, /nor/here/user_events.so"));
  CHECK_THAT(plugin::find_plugin("user_events.so", {}).error().message, contains("plugin_dirs is empty"));
}

TEST_CASE("good plugins load once, and list their handlers") {
  const std::string path = std::string(HOSTLER_PLUGIN_DIR) + "/noop.so";
  const auto first = plugin::load_plugin(path, probed());
  REQUIRE(first.ok());
  CHECK(plugin::load_plugin(path, probed()).value() == first.value());
  CHECK(first.value()->find_handler("noop.batch") != nullptr);
  CHECK(first.value()->find_handler("noop") == nullptr);
  CHECK(plugin::load_plugin(std::string(HOSTLER_PLUGIN_DIR) + "/plain_c.so", probed()).ok());
}

TEST_CASE("a handler that cannot be made says where it is configured and why") {
  CHECK_THAT(make_error(configured("picky.unknown")), contains("hostler.toml:7") && contains("it has picky.single, picky.sql"));
  CHECK_THAT(make_error(configured("picky.single", R"({"refused":1})")), contains("key 'refused' is not known"));
  CHECK_THAT(make_error(configured("picky.single", R"({"x":"create-fails"})")), contains("create failed: cannot make it"));
  CHECK_THAT(make_error(configured("picky.single", R"({"x":"start-fails"})")), contains("start failed: the port is taken"));
  CHECK_THAT(make_error(configured("picky.single", R"({"x":"lane-fails"})")), contains("create_lane failed: no more lanes"));
  CHECK(make_error(configured("picky.single")) == "(made)");
}

TEST_CASE("a handler that writes SQL needs a ledger, and a single-lane handler one lane") {
  CHECK_THAT(make_error(configured("picky.sql")), contains("needs a ledger"));
  auto two = configured("picky.single");
  two.lanes = 2;
  CHECK_THAT(make_error(two), contains("set lanes = 1"));
}
