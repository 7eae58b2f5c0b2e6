// Each way in which a plugin can be wrong, and the one line that the loader says about it: file, reason, mend.
#include <cstdlib>

#include "bad_plugins/bad_plugin.h"
#include "plugin/handler.h"
#include "plugin/plugin_file.h"
#include "support/temp_dir.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

struct Refused {
  const char* plugin;
  const char* reason;
  const char* mend;
};

core::HandlerConfig handler_of(const std::string& name) {
  core::HandlerConfig config;
  config.name = "service";
  config.plugin = name + ".so";
  config.handler = "right.one";
  config.idempotency = core::Idempotency::off;
  config.where = "hostler.toml:7";
  return config;
}

std::string made(const std::string& name) {
  const auto loaded = plugin::load_plugin(bad_plugin(name), load_options());
  if (!loaded) return loaded.error().message;
  const auto config = handler_of(name);
  const auto handler = plugin::Handler::make(*loaded, config, {});
  return handler ? "(made)" : handler.error().message;
}

} // namespace

TEST_CASE("each bad plugin is refused with one line that has the reason and the mend") {
  const auto refused = GENERATE(
      Refused{"missing_entry", "exports no hostler_plugin_entry_v1", "build it with hostler_add_plugin()"},
      Refused{"null_entry", "hostler_plugin_entry_v1 returned null", "return the address of a static"},
      Refused{"newer_major", "built for plugin API 7.1, this host has 0.1",
              "build the plugin against the plugin API 0.1"},
      Refused{"older_version", "built for plugin API 0.0, this host has 0.1",
              "build the plugin against the plugin API 0.1"},
      Refused{"newer_minor", "built for plugin API 0.2, this host has 0.1", "or use a host that fits"},
      Refused{"required_minor", "needs plugin API 0.6, this host has 0.1", "or use a host that fits"},
      Refused{"small_struct", "plugin table is 16 bytes, too small", "build the plugin against"},
      Refused{"no_create", "create is null in its plugin table", "fill them in"},
      Refused{"no_handlers", "handler_count says 0", "1 to 1000 handlers"},
      Refused{"null_description", "handler_at(0) returned no description", "handler_count says 1"},
      Refused{"same_id_twice", "two handlers with the id right.one", "ids are unique"},
      Refused{"init_fails", "module_init failed: no licence file", "documentation"},
      Refused{"throws", "throws while it is loaded: no licence file",
              "no exception may leave a static constructor"},
      Refused{"terminates", "crashes in its static constructors (SIGABRT)",
              "no exception may leave a static constructor"},
      Refused{"exits", "ends the process in its static constructors (exit code 3)", "may call exit()"},
      Refused{"exits_in_entry", "ends the process in hostler_plugin_entry_v1 (exit code 0)",
              "may call exit()"},
      Refused{"crashes", "crashes in its static constructors (SIG", "build it again"},
      Refused{"crashes_at_exit", "crashes in its static destructors (SIG", "build it again"},
      Refused{"exports_too_much", "exports more than hostler_plugin_entry_v1: shared_counter",
              "build it with hostler_add_plugin()"},
      Refused{"missing_dependency", "libgone.so: cannot open shared object file",
              "install the library that it needs"},
      Refused{"undefined_symbol", "undefined symbol: nobody_defines_this",
              "hostler_add_plugin() finds such gaps"});
  const std::string said = refusal(bad_plugin(refused.plugin));
  CHECK_THAT(said, contains(refused.reason) && contains(refused.mend));
}

TEST_CASE("what a crashing plugin printed is quoted, on one line") {
  CHECK_THAT(refusal(bad_plugin("terminates")),
             contains("it said: terminate called after throwing an instance of 'std::runtime_error' what(): "
                      "no licence file;"));
}

TEST_CASE(
    "a plugin that hangs while it is loaded is given up after the time limit, which is 5 s unless told") {
  CHECK(plugin::ProbeOptions().limit == std::chrono::seconds(5));
  const auto began = std::chrono::steady_clock::now();
  const auto said = refusal(bad_plugin("hangs"), load_options(core::Millis(500)));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(4));
  CHECK_THAT(said, contains("does not come back from its static constructors within 500 ms") &&
                       contains("move it to `start`"));
}

TEST_CASE("a process that a constructor leaves behind neither delays the probe nor survives it") {
  const TempDir dir;
  const auto pid_file = dir / "pid";
  ::setenv("HOSTLER_TEST_FORK", pid_file.c_str(), 1);
  const auto opened = plugin::open_plugin_file(bad_plugin("forks"));
  REQUIRE(opened.ok());
  const auto copy = plugin::SealedCopy::make(opened->file, "forks.so");
  REQUIRE(copy.ok());
  const auto began = std::chrono::steady_clock::now();
  const auto described = plugin::probe(*copy, load_options(core::Millis(15'000)).probe);
  ::unsetenv("HOSTLER_TEST_FORK");
  if (!described) FAIL(described.error().message);
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(10));
  const std::string pid = text_of(pid_file);
  REQUIRE_FALSE(pid.empty());
  // Gone, or a zombie that nobody has waited for yet.
  CHECK(eventually(10s, [&] {
    const std::string state = text_of("/proc/" + pid + "/stat");
    return state.empty() || state.find(") Z ") != std::string::npos;
  }));
}

TEST_CASE("a program that is no host cannot stand in as the probe") {
  auto options = load_options();
  options.probe.program = "/bin/true";
  CHECK_THAT(refusal(bad_plugin("right"), options), contains("/bin/true did not answer as a probe"));
  options.probe.program = "/nowhere/hostler";
  CHECK_THAT(refusal(bad_plugin("right"), options), contains("/nowhere/hostler: No such file or directory"));
}

TEST_CASE("a handler whose create or start fails is refused with its place") {
  CHECK_THAT(made("create_fails"),
             contains("hostler.toml:7: handler service") && contains("create failed: the disk is full"));
  CHECK_THAT(made("start_fails"),
             contains("hostler.toml:7: handler service") && contains("start failed: the port is taken"));
  CHECK(made("right") == "(made)");
}

TEST_CASE("a plugin that failed after it was mapped is never taken for the next one") {
  CHECK_THAT(refusal(bad_plugin("init_fails")), contains("module_init failed"));
  const auto next = plugin::load_plugin(bad_plugin("right_again"), load_options());
  REQUIRE(next.ok());
  CHECK((*next)->handler_ids() == std::vector<std::string_view>{"right.one", "right.two"});
}
