// What is typed becomes a command, help, or a usage error; nothing is guessed, nothing ignored.
#include "cli/arguments.h"

#include "cli/rewind_target.h"

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

TEST_CASE("options of the operators' commands arrive") {
  const auto show = std::get<OffsetsShowOptions>(parse({"offsets", "show", "--config", "x", "--handler", "h", "--json"}));
  CHECK(show.config == "x");
  CHECK(show.handler == "h");
  CHECK(show.json);
  CHECK(std::get<OffsetsShowOptions>(parse({"offsets", "show"})).handler.empty());
  const std::vector<std::string> place{"--handler", "h", "--topic", "t"};
  const auto with = [&](std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), place.begin(), place.end());
    words.insert(words.end(), more.begin(), more.end());
    return parse(words);
  };
  const auto rewind = std::get<OffsetsRewindOptions>(with({"offsets", "rewind"}, {"--partition", "3", "--to", "120", "--forget-ids", "--yes"}));
  CHECK(rewind.handler == "h");
  CHECK(rewind.topic == "t");
  CHECK(rewind.partition == 3);
  CHECK(rewind.to.kind == RewindTarget::Kind::offset);
  CHECK(rewind.to.offset.value == 120);
  CHECK(rewind.forget_ids);
  CHECK(rewind.yes);
  CHECK_FALSE(std::get<OffsetsRewindOptions>(with({"offsets", "rewind"}, {"--to", "earliest"})).partition);
  CHECK_FALSE(std::get<OffsetsRewindOptions>(with({"offsets", "rewind"}, {"--to", "earliest"})).yes);
  const auto adopt = std::get<OffsetsAdoptOptions>(with({"offsets", "adopt"}, {"--partition", "all"}));
  CHECK_FALSE(adopt.partition);
  CHECK_FALSE(adopt.yes);
  const auto stuck = std::get<LedgerStuckOptions>(parse({"ledger", "stuck", "--reissue", "--older-than", "2h", "--yes"}));
  CHECK(stuck.reissue);
  CHECK(stuck.yes);
  CHECK(stuck.older_than == std::chrono::hours(2));
  CHECK(std::get<LedgerStuckOptions>(parse({"ledger", "stuck"})).older_than == std::chrono::minutes(10));
}

TEST_CASE("places and times of a rewind are taken exactly") {
  const auto time = [](std::string_view text) {
    const auto target = parse_rewind_target(text);
    REQUIRE(target);
    CHECK(target->kind == RewindTarget::Kind::time);
    return core::to_epoch_ms(target->time);
  };
  CHECK(time("@2026-01-31T10:00:00Z") == 1'769'853'600'000);
  CHECK(time("@2026-01-31T10:00:00.125Z") == 1'769'853'600'125);
  CHECK(time("@2026-01-31T10:00Z") == 1'769'853'600'000);
  CHECK(time("@2026-01-31") == 1'769'817'600'000);
  CHECK(parse_rewind_target("latest")->kind == RewindTarget::Kind::latest);
  CHECK(parse_rewind_target("0")->offset.value == 0);
  for (const char* bad : {"", "-1", "1x", "0x10", " 1", "@", "@now", "@2026-01-31T10:00:00", "@2026-02-30", "@2026-01-31T25:00Z", "@2026-01-31T10:00:00+01:00", "@2026-1-31", "end",
                          "99999999999999999999"})
    CHECK_FALSE(parse_rewind_target(bad));
}

TEST_CASE("what the operators' commands lack or do not know is said") {
  refused({"offsets"}, "'offsets show', 'offsets rewind', 'offsets adopt'");
  refused({"offsets", "rewind", "--topic", "t", "--to", "1"}, "--handler");
  refused({"offsets", "rewind", "--handler", "h", "--topic", "t"}, "--to");
  refused({"offsets", "rewind", "--handler", "h", "--topic", "t", "--to", "yesterday"}, "@2026-01-31T10:00:00Z");
  refused({"offsets", "adopt", "--handler", "h", "--topic", "t", "--partition", "-1"}, "--partition is '-1'");
  refused({"offsets", "adopt", "--handler", "h", "--topic", "t", "--partition", "some"}, "a number from 0 on, or all");
  refused({"ledger", "stuck", "--older-than", "soon"}, "10m or 2h");
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
