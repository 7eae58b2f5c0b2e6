// The host as a service: signals, deadlines, its log.
#include <csignal>
#include <filesystem>
#include <fstream>

#include "flow/host_fixture.h"
#include "runtime/crash_journal.h"
#include "support/catch.h"
#include "support/file.h"
#include "support/http.h"
#include "support/wait.h"

using namespace hostler::testing;
using namespace hostler::flow;

namespace {

// Adds keys to the [host] table of a written configuration.
void host_keys(const std::filesystem::path& config, const std::string& keys) {
  std::string text = text_of(config);
  text.replace(text.find("[host]\n"), 7, "[host]\n" + keys);
  std::ofstream(config) << text;
}

// A host with a record in its handler's hands that it will not let go of.
struct Busy {
  World world;
  std::string topic = world.topic();
  std::filesystem::path config = world.config({world.handler({topic})});
  std::unique_ptr<Host> host;

  void start() {
    world.migrate(config);
    host = std::make_unique<Host>(config);
    host->ready();
    world.kafka().produce_all(topic, {event("held", "slow:600000:")});
    REQUIRE(eventually(20s, [&] { return http_get(host->port(), "/health").body.find("\"state\": \"handling\"") != std::string::npos; }));
  }
};

}  // namespace

TEST_CASE("a second TERM stops the host at once, and what it held is not lost") {
  Busy busy;
  busy.start();
  busy.host->process().kill(SIGTERM);
  REQUIRE(busy.host->process().wait_for_output("draining", 10s));
  REQUIRE(eventually(5s, [&] { return http_get(busy.host->port(), "/readyz").body.find("host: is draining") != std::string::npos; }));
  CHECK(http_get(busy.host->port(), "/livez").status == 200);
  CHECK(stays(500ms, [&] { return busy.host->running(); }));
  busy.host->process().kill(SIGTERM);
  const auto end = busy.host->process().wait(3s);
  REQUIRE(end);
  CHECK(end->code == 1);
  CHECK_THAT(busy.host->output(), contains("second signal: stopped at once; what was in flight is handled again"));
  CHECK((*hostler::runtime::CrashJournal::open(busy.world.folder() / "state-flow"))->predecessor().calls.empty());  // it was told to
  CHECK(busy.world.kafka().lag(busy.world.group(), busy.topic) == 1);
  CHECK(busy.world.effect_count() == 0);
}

TEST_CASE("a drain ends with its deadline") {
  Busy busy;
  host_keys(busy.config, "drain_timeout = \"1s\"\n");
  busy.start();
  busy.host->process().kill(SIGTERM);
  const auto end = busy.host->process().wait(10s);
  REQUIRE(end);
  CHECK(end->code == 1);
  CHECK_THAT(busy.host->output(), contains("not drained after 1000 ms ([host] drain_timeout)"));
  CHECK(busy.world.kafka().lag(busy.world.group(), busy.topic) == 1);
}

TEST_CASE("HUP opens the log anew and reads its level, a broken configuration leaves it as it is") {
  World world;
  const auto config = world.config({world.handler({world.topic()})});
  const auto log = world.folder() / "host.log", old = world.folder() / "host.log.1";
  host_keys(config, "log_file = \"" + log.string() + "\"\nlog_level = \"info\"\n");
  world.migrate(config);
  Process host({HOSTLER_BINARY, "run", "--config", config.string()});
  REQUIRE(eventually(30s, [&] { return text_of(log).find("ready: ") != std::string::npos; }));
  CHECK_THAT(text_of(log), contains(R"("level":"info")"));
  CHECK(host.output().empty());

  std::filesystem::rename(log, old);
  host.kill(SIGHUP);
  REQUIRE(eventually(10s, [&] { return text_of(log).find("HUP: the log was opened anew, level info") != std::string::npos; }));
  CHECK_THAT(text_of(old), contains("ready: "));

  const std::string good = text_of(config);
  std::ofstream(config) << good << "\n[nonsense]\n";
  host.kill(SIGHUP);
  REQUIRE(eventually(10s, [&] { return text_of(log).find("HUP: the log stays as it is, the configuration has errors") != std::string::npos; }));

  std::filesystem::rename(log, world.folder() / "host.log.2");
  std::ofstream(config) << std::string(good).replace(good.find("\"info\""), 6, "\"error\"");
  host.kill(SIGHUP);
  REQUIRE(eventually(10s, [&] { return std::filesystem::exists(log); }));
  CHECK(host.terminate() == ExitStatus{0, 0});
  CHECK(text_of(log).find("draining") == std::string::npos);  // said at info
}

TEST_CASE("no good record leaves a line in the log, and a record's bytes cannot forge one") {
  World world;
  const std::string topic = world.topic();
  const auto config = world.config({world.handler({topic})});
  world.migrate(config);
  Host host(config);
  host.ready();
  const auto lines = [&] { const std::string text = host.output(); return std::count(text.begin(), text.end(), '\n'); };
  REQUIRE(eventually(5s, [&] { return host.lines_with("retry: reads") == 1; }));
  const auto before = lines();
  std::vector<KafkaRecord> records;
  for (int i = 0; i < 500; ++i) records.push_back(event("good-" + std::to_string(i), "value"));
  records.push_back(event("evil\n{\"level\":\"error\",\"message\":\"forged\"}", "reject:\r\n{\"level\":\"error\",\"message\":\"forged\"}\x1b[2J"));
  world.kafka().produce_all(topic, records);
  REQUIRE(world.settles({topic}, 30s));
  CHECK(lines() - before <= 3);
  CHECK(host.lines_with("{\"level\":\"error\",\"message\":\"forged\"}") == 0);
  CHECK(world.letters(topic).size() == 1);
  CHECK(host.leave() == 0);
}

TEST_CASE("under systemd lines carry their priority for the journal") {
  World world;
  const auto config = world.config({world.handler({world.topic()})});
  host_keys(config, "log_format = \"journald\"\n");
  world.migrate(config);
  Host host(config);
  host.ready();
  CHECK_THAT(host.output(), contains("<6>hostler 0.1.0 (flow) starts"));
  CHECK_THAT(host.output(), contains("<4>not ready: "));
  CHECK(host.leave() == 0);
}

TEST_CASE("what operators do is in the audit log, and what cannot be accounted for is not done") {
  World world;
  const auto config = world.config({world.handler({world.topic()})});
  const auto log = world.folder() / "audit.log";
  host_keys(config, "audit_log = \"" + log.string() + "\"\n");
  world.migrate(config);
  Host host(config);
  host.ready();
  CHECK(host.leave() == 0);
  const std::string text = text_of(log);
  CHECK(std::count(text.begin(), text.end(), '\n') == 4);
  for (const char* part : {R"("action":"ledger migrate")", R"("outcome":"begins")", R"( applied"})", R"("user":")", R"("action":"run")", R"("outcome":"started")", R"("outcome":"asked to stop")"})
    CHECK_THAT(text, contains(part));

  World other;
  const auto refused = other.config({other.handler({other.topic()})});
  host_keys(refused, "audit_log = \"/nonexistent/audit.log\"\n");
  const auto done = program({"ledger", "migrate", "--config", refused.string()});
  CHECK(done.status.code == 1);
  CHECK_THAT(done.output, contains("nothing is done that cannot be accounted for"));
  CHECK(other.db().number("SELECT count(*) FROM information_schema.tables WHERE table_name = 'hostler_mark' AND table_schema = current_schema()") == 0);
}
