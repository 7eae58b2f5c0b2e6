// What is typed becomes a command, help, or a usage error; nothing is guessed, nothing ignored.
#include "cli/arguments.h"

#include "support/catch.h"

using namespace hostler;
using namespace hostler::cli;
using hostler::testing::contains;

namespace {

Command parse(const std::vector<std::string>& words) { return parse_arguments(words); }

Ending ending(const std::vector<std::string>& words) {
  const Command command = parse(words);
  REQUIRE(std::holds_alternative<Ending>(command));
  return std::get<Ending>(command);
}

void refused(const std::vector<std::string>& words, const std::string& text) {
  const Ending end = ending(words);
  CHECK(end.exit_code == exit_usage);
  CHECK_THAT(end.text, contains(text));
}

} // namespace

TEST_CASE("options arrive") {
  CHECK(std::get<RunCommand>(parse({"run", "--config", "a.toml"})).config == "a.toml");
  CHECK(std::get<RunCommand>(parse({"run", "--config=a.toml"})).config == "a.toml");
  CHECK(std::get<RunCommand>(parse({"run"})).config == "/etc/hostler/hostler.toml");
  CHECK(std::get<CheckOptions>(parse({"check", "--json", "--config", "b"})).json);
  CHECK_FALSE(std::get<CheckOptions>(parse({"check", "-c", "b"})).json);
  CHECK(std::get<MigrateOptions>(parse({"ledger", "migrate", "--dry-run"})).dry_run);
  CHECK(std::get<MigrateOptions>(parse({"ledger", "migrate", "--config", "x"})).config == "x");
  CHECK(std::holds_alternative<VersionOptions>(parse({"version"})));
  CHECK(std::holds_alternative<VersionOptions>(parse({"--version"})));
  const auto demo =
      std::get<DemoOptions>(parse({"demo", "--for", "30s", "--rate", "200", "--seed", "7", "--plain"}));
  CHECK(demo.duration == std::chrono::seconds(30));
  CHECK(demo.rate == 200);
  CHECK(demo.seed == 7);
  CHECK(demo.plain);
  CHECK_FALSE(std::get<DemoOptions>(parse({"demo"})).duration);
}

TEST_CASE("help is fine and shows options") {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"--help"}, {"-h"}, {"help"}, {"ledger", "--help"}}) {
    const Ending end = ending(words);
    CHECK(end.exit_code == exit_fine);
    for (const char* const command : {"run", "check", "demo", "ledger migrate", "version"})
      CHECK_THAT(end.text, contains(command));
  }
  CHECK_THAT(ending({"run", "--help"}).text, contains("--config FILE") || contains("--config"));
  CHECK_THAT(ending({"check", "--help"}).text, contains("--json") && contains("Exit codes"));
  CHECK_THAT(ending({"demo", "--help"}).text,
             contains("--for") && contains("--rate") && contains("--seed") && contains("--plain"));
  CHECK_THAT(ending({"ledger", "migrate", "--help"}).text, contains("--dry-run"));
  CHECK(ending({"version", "-h"}).exit_code == exit_fine);
  CHECK(ending({"check", "--help"}).exit_code == exit_fine);
}

TEST_CASE("usage errors name what is wrong and where help is") {
  CHECK(ending({}).exit_code == exit_usage);
  refused({"rnu"}, "there is no command 'rnu'");
  refused({"ledger"}, "which ledger command? There is 'ledger migrate'");
  refused({"ledger", "drop"}, "there is no command 'ledger drop'");
  refused({"run", "--conf", "a.toml"}, "unrecognised option '--conf'");
  refused({"run", "a.toml"}, "'run' takes options only, no other words");
  refused({"version", "x"}, "'version' takes options only");
  refused({"run", "--config"}, "'--config'");
  refused({"check", "--jsn"}, "unrecognised option '--jsn'");
  refused({"run", "--config", "a", "--config", "b"}, "'--config'");
  refused({"check", "--jsn"}, "'hostler check --help' shows how it is used");
}

TEST_CASE("plugin commands take one word and their options") {
  const auto test = std::get<PluginTestOptions>(parse({"plugin", "test", "a.so", "--config", "c", "--records", "r", "--expect", "e", "--ledger", "l", "--handler", "h"}));
  CHECK(test.file == "a.so");
  CHECK(test.config == "c");
  CHECK(test.records == "r");
  CHECK(test.expect == "e");
  CHECK(test.ledger == "l");
  CHECK(test.handler == "h");
  CHECK(std::get<PluginInspectOptions>(parse({"plugin", "inspect", "--json", "a.so"})).json);
  CHECK(std::get<PluginNewOptions>(parse({"plugin", "new", "a", "--lang", "c"})).language == "c");
  CHECK(std::get<PluginNewOptions>(parse({"plugin", "new", "a"})).language == "cpp");
  refused({"plugin", "inspect"}, "'plugin inspect' needs a file: hostler plugin inspect FILE");
  refused({"plugin", "new", "a", "b"}, "'plugin new' takes one NAME only");
  refused({"plugin", "test", "a.so", "--config", "c"}, "--records");
  refused({"plugin", "unload"}, "there is no command 'plugin unload'; there is 'plugin inspect', 'plugin new', 'plugin test'");
}

TEST_CASE("a demo of a plugin takes its files, and only with the plugin") {
  const auto demo = std::get<DemoOptions>(parse({"demo", "--plugin", "a.so", "--config", "c", "--records", "r"}));
  CHECK(demo.plugin == "a.so");
  CHECK(demo.config == "c");
  CHECK(demo.records == "r");
  refused({"demo", "--records", "r"}, "--config and --records go with --plugin FILE");
}

TEST_CASE("numbers and times of the demo are checked") {
  refused({"demo", "--rate", "-1"}, "--rate is -1; it can be 1 to 10000");
  refused({"demo", "--rate", "0"}, "--rate is 0; it can be 1 to 10000");
  refused({"demo", "--rate", "1x"}, "--rate");
  refused({"demo", "--rate", "99999999999999999999"}, "--rate");
  refused({"demo", "--seed", "-5"}, "--seed is -5; it can be 0 to ");
  refused({"demo", "--for", "30"}, "--for is '30'; it can be 1s to 24h, such as 30s");
  refused({"demo", "--for", "0s"}, "--for is '0s'");
  refused({"demo", "--for", "2d"}, "--for is '2d'");
}
