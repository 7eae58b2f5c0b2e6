// A host with bad plugins among good ones: `hostler run` on the mock cluster.
#include "bad_plugins/bad_plugin.h"
#include "cli/wire.h"
#include "config/load_config.h"
#include "core/health.h"
#include "kafka/mock_cluster.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

std::string handler_text(const std::string& name, const std::string& plugin, const std::string& id,
                         const std::string& more = "") {
  return "[[handler]]\nname = \"" + name + "\"\nplugin = \"" + plugin + "\"\nhandler = \"" + id +
         "\"\ntopics = [\"events\"]\ngroup = \"" + name +
         "\"\nstart = \"earliest\"\nidempotency = \"off\"\n" + more;
}

struct Platform {
  Platform() {
    auto made = kafka::MockCluster::create();
    REQUIRE(made.ok());
    cluster = std::move(*made);
    REQUIRE(cluster->create_topic("events", 1).ok());
  }
  std::string write(const std::string& handlers) const {
    std::string text = "[http]\nlisten = \"\"\n[kafka]\nbrokers = [\"" + cluster->bootstrap() + "\"]\n[kafka.properties]\n";
    for (const auto& [name, value] : kafka::MockCluster::consumer_properties())
      text += "\"" + name + "\" = \"" + value + "\"\n";
    return dir
        .write("hostler.toml", text +
                                   "[defaults.retry]\ndelays = []\nmax_retries = "
                                   "0\n[defaults.dead_letter]\ncreate_topics = false\n" +
                                   handlers)
        .string();
  }
  TempDir dir;
  std::unique_ptr<kafka::MockCluster> cluster;
};

const std::string good = std::string(HOSTLER_PLUGIN_DIR) + "/noop.so";

} // namespace

TEST_CASE("a host with five bad plugins runs the handler of the good one, and says what is wrong with each") {
  const Platform platform;
  const auto file = platform.write(
      handler_text("thrower", bad_plugin("throws"), "right.one") +
      handler_text("leaver", bad_plugin("exits"), "right.one") + handler_text("fine", good, "noop.batch") +
      handler_text("starter", bad_plugin("start_fails"), "right.one") +
      handler_text("laner", bad_plugin("lane_fails"), "right.one") +
      handler_text("pinned", good, "noop.record", "sha256 = \"" + std::string(64, '0') + "\"\n"));
  Process host({HOSTLER_BINARY, "run", "--config", file});
  const bool runs = host.wait_for_output("handler fine: started: group fine", 60s) &&
                    host.wait_for_output("not ready: handler thrower does not run", 60s);
  INFO(host.output());
  REQUIRE(runs);
  CHECK_THAT(host.output(), contains("throws.so: throws while it is loaded: no licence file") &&
                                contains("(handler thrower does not run)") &&
                                contains("exits.so: ends the process in its static constructors") &&
                                contains("start failed: the port is taken") && contains("no memory for lane 0 (it does not run)") &&
                                contains("its SHA-256 is "));
  CHECK(host.terminate().code == 0);
}

TEST_CASE("a host whose plugins are all bad exits with 2") {
  const Platform platform;
  const auto done = program({"run", "--config",
                         platform.write(handler_text("leaver", bad_plugin("exits"), "right.one"))});
  INFO(done.output);
  CHECK(done.status.code == 2);
  CHECK_THAT(done.output, contains("exits.so: ends the process") &&
                              contains("no handler can run; the reasons are logged above"));
}

TEST_CASE("a failed handler is in the host's state with its reason") {
  const Platform platform;
  const auto config =
      config::load_config(platform.write(handler_text("leaver", bad_plugin("exits"), "right.one") +
                                         handler_text("fine", good, "noop.batch")),
                          {});
  REQUIRE(config.ok());
  kafka::MockAdmin admin(*platform.cluster);
  const auto host =
      cli::make_host(*config, {.observer = nullptr, .admin = &admin, .probe_program = HOSTLER_BINARY});
  const auto started = host->start();
  if (!started) FAIL(started.error().message);
  REQUIRE(host->state().size() == 2);
  for (const auto& state : host->state()) {
    if (state.name == "leaver") CHECK_THAT(state.failed, contains("exits.so: ends the process"));
    if (state.name == "fine") CHECK(state.failed.empty());
  }
  const auto joined = [&] {
    const auto states = host->state();
    return std::any_of(states.begin(), states.end(),
                       [](const auto& s) { return s.name == "fine" && s.source.joined; });
  };
  CHECK(eventually(60s, joined));
  // Health tells the truth: alive, and not ready to settle every record.
  const auto health = host->health();
  const auto failed = std::find_if(health.handlers.begin(), health.handlers.end(),
                                   [](const auto& h) { return h.name == "leaver"; });
  REQUIRE(failed != health.handlers.end());
  CHECK_THAT(failed->failed, contains("exits.so: ends the process"));
  CHECK(core::assess(health).live);
  CHECK_FALSE(core::assess(health).ready);
}
