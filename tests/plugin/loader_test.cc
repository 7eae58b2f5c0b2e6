#include "plugin/loader.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "plugin/handler.h"
#include "support/catch.h"
#include "support/temp_dir.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

const std::string faulty = std::string(HOSTLER_TEST_PLUGIN_DIR) + "/";

std::string refusal(const std::string& path) {
  const auto loaded = plugin::load_plugin(path);
  if (loaded) return "(loaded)";
  CHECK(std::count(loaded.error().message.begin(), loaded.error().message.end(), '\n') == 0);
  CHECK_THAT(loaded.error().message, contains(path));
  return loaded.error().message;
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
  auto loaded = plugin::load_plugin(faulty + "picky.so");
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
  CHECK_THAT(refusal("/nowhere/user_events.so"), contains("not a file"));
  CHECK_THAT(plugin::find_plugin("user_events.so", {"/nowhere", "/nor/here"}).error().message, contains("/nowhere/user_events.so, /nor/here/user_events.so"));
  CHECK_THAT(plugin::find_plugin("user_events.so", {}).error().message, contains("plugin_dirs is empty"));
}

TEST_CASE("a file that is no library is refused with the loader's reason") {
  const TempDir dir;
  const std::string path = (dir.path() / "text.so").string();
  std::ofstream(path) << "#!/bin/sh\necho I am not a plugin, whatever my name says\n";
  CHECK_THAT(refusal(path), contains("cannot be loaded"));
}

TEST_CASE("a library without the entry is refused with the way to build one") { CHECK_THAT(refusal(faulty + "no_entry.so"), contains("exports no hostler_plugin_entry_v1")); }

TEST_CASE("the version gate refuses what does not fit, and says both versions") {
  CHECK_THAT(refusal(faulty + "other_major.so"), contains("built for plugin API 7.1, this host has 0.1"));
  CHECK_THAT(refusal(faulty + "old_minor.so"), contains("built for plugin API 0.0, this host has 0.1"));
  CHECK_THAT(refusal(faulty + "needs_newer.so"), contains("needs plugin API 0.6, this host has 0.1"));
}

TEST_CASE("a table that is null, too small or empty is refused") {
  CHECK_THAT(refusal(faulty + "null_entry.so"), contains("returned null"));
  CHECK_THAT(refusal(faulty + "small_table.so"), contains("too small"));
  CHECK_THAT(refusal(faulty + "no_handlers.so"), contains("is null in its plugin table"));
  CHECK_THAT(refusal(faulty + "init_fails.so"), contains("module_init failed: no licence file"));
}

TEST_CASE("good plugins load once, and list their handlers") {
  const std::string path = std::string(HOSTLER_PLUGIN_DIR) + "/noop.so";
  const auto first = plugin::load_plugin(path);
  REQUIRE(first.ok());
  CHECK(plugin::load_plugin(path).value() == first.value());
  CHECK(first.value()->find_handler("noop.batch") != nullptr);
  CHECK(first.value()->find_handler("noop") == nullptr);
  CHECK(plugin::load_plugin(std::string(HOSTLER_PLUGIN_DIR) + "/plain_c.so").ok());
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
