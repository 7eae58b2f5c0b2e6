#include "cli/arguments.h"

#include <boost/program_options.hpp>

#include <array>
#include <charconv>
#include <functional>
#include <sstream>
#include <utility>
#include <vector>

#include "cli/rewind_target.h"
#include "config/units.h"

namespace hostler::cli {
namespace {

namespace po = boost::program_options;

struct UsageError {
  std::string what;
};

// What a command has: options described for people, and how the parsed values become a Command.
struct Parser {
  std::string name;    // "ledger migrate"
  std::string purpose; // one line
  std::string details; // below the options
  std::function<void(po::options_description&)> describe;
  std::function<Command(const po::variables_map&)> make;
  std::string
      word; // the one word that it takes besides options ("FILE"), stored as the option "word"; empty: none
};

std::string config_of(const po::variables_map& values) { return values["config"].as<std::string>(); }

void describe_config(po::options_description& options) {
  options.add_options()("config,c",
                        po::value<std::string>()->value_name("FILE")->default_value(default_config),
                        "the configuration, TOML");
}

// value<unsigned> would turn -1 into 4294967295.
std::int64_t number_of(const po::variables_map& values, const char* name, std::int64_t least,
                       std::int64_t most) {
  const auto number = values[name].as<std::int64_t>();
  if (number >= least && number <= most) return number;
  throw UsageError{"--" + std::string(name) + " is " + std::to_string(number) + "; it can be " +
                   std::to_string(least) + " to " + std::to_string(most)};
}

std::string text_of(const po::variables_map& values, const char* name) {
  return values.count(name) == 0 ? "" : values[name].as<std::string>();
}

void describe_demo(po::options_description& options) {
  options.add_options() //
      ("for", po::value<std::string>()->value_name("TIME"),
       "produce for so long, such as 30s or 2m; without it until Ctrl-C") //
      ("rate", po::value<std::int64_t>()->value_name("N")->default_value(50),
       "records produced per second, 1 to 10000")                          //
      ("plain", po::bool_switch(), "plain lines instead of the live view") //
      ("seed", po::value<std::int64_t>()->value_name("N")->default_value(1),
       "of the traffic: the same seed, the same records") //
      ("plugin", po::value<std::string>()->value_name("FILE"),
       "run this plugin instead of the interview platform") //
      ("config", po::value<std::string>()->value_name("FILE"),
       "with --plugin: TOML with its [[handler]]; without it its first handler on the topic 'demo'") //
      ("records", po::value<std::string>()->value_name("FILE"),
       "with --plugin: what to send, JSON lines as for `plugin test`; without it a sample");
}

Command make_demo(const po::variables_map& values) {
  DemoOptions demo;
  if (values.count("for") != 0) {
    const auto text = values["for"].as<std::string>();
    demo.duration = config::parse_duration(text);
    if (!demo.duration || *demo.duration < std::chrono::seconds(1) ||
        *demo.duration > std::chrono::hours(24)) {
      throw UsageError{"--for is '" + text + "'; it can be 1s to 24h, such as 30s"};
    }
  }
  demo.rate = static_cast<std::uint32_t>(number_of(values, "rate", 1, 10'000));
  demo.seed = static_cast<std::uint64_t>(number_of(values, "seed", 0, INT64_MAX));
  demo.plain = values["plain"].as<bool>();
  demo.plugin = text_of(values, "plugin");
  demo.config = text_of(values, "config");
  demo.records = text_of(values, "records");
  if (demo.plugin.empty() && !(demo.config.empty() && demo.records.empty()))
    throw UsageError{"--config and --records go with --plugin FILE"};
  return demo;
}

void describe_plugin_test(po::options_description& options) {
  const auto file = [] { return po::value<std::string>()->value_name("FILE"); };
  options.add_options()                                                                                   //
      ("config,c", file()->required(), "TOML with the [[handler]], as for `run`; [kafka] may be missing") //
      ("records", file()->required(), "the records to deliver, JSON lines")                               //
      ("expect", file(), "the verdicts to expect, JSON lines")                                            //
      ("ledger", po::value<std::string>()->value_name("URL"),
       "a database to use; without it a temporary SQLite file") //
      ("handler", po::value<std::string>()->value_name("NAME"),
       "which [[handler]]; without it the first of this plugin");
}

Command make_plugin_new(const po::variables_map& values) {
  PluginNewOptions options{text_of(values, "word"), text_of(values, "lang"), text_of(values, "into")};
  if (options.language != "c" && options.language != "cpp")
    throw UsageError{"--lang is '" + options.language + "'; it can be c or cpp"};
  return options;
}

void describe_operation(po::options_description& options, bool changes) {
  describe_config(options);
  options.add_options()("json", po::bool_switch(), "one JSON document on stdout");
  if (changes) options.add_options()("yes", po::bool_switch(), "do it; without it only what would be done");
}

void describe_partitions(po::options_description& options) {
  options.add_options()                                                                                  //
      ("handler", po::value<std::string>()->value_name("NAME")->required(), "whose offsets")             //
      ("topic", po::value<std::string>()->value_name("TOPIC")->required(), "of which source topic")      //
      ("partition", po::value<std::string>()->value_name("P|all")->default_value("all"), "a partition, or all");
}

std::optional<std::int32_t> partition_of(const po::variables_map& values) {
  const auto text = values["partition"].as<std::string>();
  if (text == "all") return std::nullopt;
  std::int32_t partition = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), partition);
  if (error != std::errc() || end != text.data() + text.size() || partition < 0)
    throw UsageError{"--partition is '" + text + "'; it can be a number from 0 on, or all"};
  return partition;
}

Command make_rewind(const po::variables_map& values) {
  OffsetsRewindOptions options{config_of(values), text_of(values, "handler"), text_of(values, "topic"),
                               partition_of(values), {}, values["forget-ids"].as<bool>(),
                               values["yes"].as<bool>(), values["json"].as<bool>()};
  const auto to = values["to"].as<std::string>();
  const auto target = parse_rewind_target(to);
  if (!target)
    throw UsageError{"--to is '" + to + "'; it can be an offset, earliest, latest, or a time in UTC such as " +
                     "@2026-01-31T10:00:00Z"};
  options.to = *target;
  return options;
}

Command make_stuck(const po::variables_map& values) {
  LedgerStuckOptions options{config_of(values), text_of(values, "handler"), {}, values["reissue"].as<bool>(),
                             values["yes"].as<bool>(), values["json"].as<bool>()};
  const auto text = values["older-than"].as<std::string>();
  const auto time = config::parse_duration(text);
  if (!time) throw UsageError{"--older-than is '" + text + "'; it can be a time such as 10m or 2h"};
  options.older_than = *time;
  return options;
}

const std::array<Parser, 12>& parsers() {
  static const std::array<Parser, 12> all = {{
      {"run", "run the handlers of a configuration until SIGTERM or Ctrl-C, then drain",
       "A second signal stops at once. Exit codes: 0 drained, 1 stopped by an error, 2 command line or "
       "configuration.",
       describe_config,
       [](const po::variables_map& values) -> Command { return RunCommand{config_of(values)}; }, ""},
      {"check", "check a configuration: file, plugins, topics, database",
       "Changes nothing. Asks broker and database, loads the plugins, and says what is wrong, what the host will\n"
       "create, and what each handler reads and writes. --show and --schema ask nobody.\n"
       "Exit codes: 0 all fine, 1 something is not, 2 command line or configuration, 3 broker or database not "
       "reached.",
       [](po::options_description& options) {
         describe_config(options);
         options.add_options()("json", po::bool_switch(), "one JSON document on stdout") //
             ("show", po::bool_switch(), "only every value and where it comes from; secrets are masked") //
             ("schema", po::bool_switch(), "only the JSON Schema (draft 7) of configurations, for editors");
       },
       [](const po::variables_map& values) -> Command {
         const CheckOptions check{config_of(values), values["json"].as<bool>(), values["show"].as<bool>(),
                                  values["schema"].as<bool>()};
         if (check.show && check.schema) throw UsageError{"--show and --schema are two questions; ask one"};
         return check;
       },
       ""},
      {"demo", "see it work: a broker, a database and the interview platform in this process",
       "Needs nothing installed and leaves nothing behind. Exit codes: 0 every record accounted for, 1 not, "
       "2 command line.",
       describe_demo, make_demo, ""},
      {"ledger migrate", "create or update the ledger's tables, and those of the handlers",
       "Exit codes: 0 up to date, 1 a migration failed, 2 command line or configuration, 3 database not "
       "reached.",
       [](po::options_description& options) {
         describe_config(options);
         options.add_options()("dry-run", po::bool_switch(), "only show what would be applied");
       },
       [](const po::variables_map& values) -> Command {
         return MigrateOptions{config_of(values), values["dry-run"].as<bool>()};
       },
       ""},
      {"ledger stuck", "records that wait for a retry whose time has long passed",
       "Their copies may be lost: a retry topic was deleted, or a database came back older than Kafka. --reissue\n"
       "publishes the copies again, from the records in their source topics; should a copy still be there, the\n"
       "second one is a duplicate and nothing happens twice.\n"
       "Exit codes: 0 none (left), 1 there are some, 2 command line or configuration, 3 broker or database not "
       "reached.",
       [](po::options_description& options) {
         describe_operation(options, true);
         options.add_options() //
             ("handler", po::value<std::string>()->value_name("NAME"), "whose; without it every handler's") //
             ("older-than", po::value<std::string>()->value_name("TIME")->default_value("10m"),
              "that were due for so long")                         //
             ("reissue", po::bool_switch(), "publish their copies again");
       },
       make_stuck, ""},
      {"offsets show", "where each partition is: in Kafka, in the ledger, and whether the two agree",
       "Exit codes: 0 all fine, 1 a partition is held until somebody decides, 2 command line or configuration, "
       "3 broker or database not reached.",
       [](po::options_description& options) {
         describe_operation(options, false);
         options.add_options()("handler", po::value<std::string>()->value_name("NAME"),
                               "whose; without it every handler's");
       },
       [](const po::variables_map& values) -> Command {
         return OffsetsShowOptions{config_of(values), text_of(values, "handler"), values["json"].as<bool>()};
       },
       ""},
      {"offsets rewind", "read a partition again from an offset or a time, or skip forward",
       "Moves the ledger's mark. With idempotency = \"event-id\" records whose ids are remembered are duplicates\n"
       "and not handled again, unless --forget-ids forgets the settled ones. With \"offset\" all are handled again.\n"
       "A running host notices within seconds.\n"
       "Exit codes: 0 done (or shown), 1 not, 2 command line or configuration, 3 broker or database not reached.",
       [](po::options_description& options) {
         describe_operation(options, true);
         describe_partitions(options);
         options.add_options() //
             ("to", po::value<std::string>()->value_name("OFFSET|earliest|latest|@TIME")->required(),
              "where to read on; a time in UTC, as in @2026-01-31T10:00:00Z") //
             ("forget-ids", po::bool_switch(), "forget the settled event ids from there on");
       },
       make_rewind, ""},
      {"offsets adopt", "accept a topic that was refused as it is now",
       "A re-created topic, or the topic of another cluster, gets new marks, where Kafka's committed offsets or\n"
       "the handler's `start` say; what is known of the old one stays. After a reset by hand the mark follows\n"
       "Kafka's committed offset. A running host notices within seconds.\n"
       "Exit codes: 0 done (or shown, or nothing to do), 1 not, 2 command line or configuration, 3 broker or\n"
       "database not reached.",
       [](po::options_description& options) {
         describe_operation(options, true);
         describe_partitions(options);
       },
       [](const po::variables_map& values) -> Command {
         return OffsetsAdoptOptions{config_of(values), text_of(values, "handler"), text_of(values, "topic"),
                                    partition_of(values), values["yes"].as<bool>(), values["json"].as<bool>()};
       },
       ""},
      {"plugin inspect", "look at a plugin as the loader does, without loading it here",
       "Exit codes: 0 the host would load it, 1 it would not, 2 command line.",
       [](po::options_description& options) {
         options.add_options()("json", po::bool_switch(), "one JSON document on stdout");
       },
       [](const po::variables_map& values) -> Command {
         return PluginInspectOptions{text_of(values, "word"), values["json"].as<bool>()};
       },
       "FILE"},
      {"plugin new", "make a folder with a new plugin: handler, test, TOML, migration",
       "Exit codes: 0 made, 1 could not be made, 2 command line.",
       [](po::options_description& options) {
         options.add_options()("lang", po::value<std::string>()->value_name("c|cpp")->default_value("cpp"),
                               "the language");
         options.add_options()("into", po::value<std::string>()->value_name("FOLDER")->default_value("."),
                               "where the folder NAME is made");
       },
       make_plugin_new, "NAME"},
      {"plugin test", "deliver records to a handler in five ways, without broker and database server",
       "Exit codes: 0 the ways agree and the expectation holds, 1 not, 2 command line or configuration.",
       describe_plugin_test,
       [](const po::variables_map& values) -> Command {
         return PluginTestOptions{text_of(values, "word"),    text_of(values, "config"),
                                  text_of(values, "records"), text_of(values, "expect"),
                                  text_of(values, "ledger"),  text_of(values, "handler")};
       },
       "FILE"},
      {"version", "show the version of the program, its Kafka client and the plugin interface", "",
       [](po::options_description&) {}, [](const po::variables_map&) -> Command { return VersionOptions{}; },
       ""},
  }};
  return all;
}

std::string overview() {
  std::ostringstream out;
  out << "hostler runs handler plugins on Apache Kafka.\n\nusage: hostler COMMAND [OPTIONS]\n\n";
  for (const Parser& parser : parsers()) {
    out << "  " << parser.name << std::string(16 - parser.name.size(), ' ') << parser.purpose << "\n";
  }
  out << "\n'hostler COMMAND --help' shows a command's options.\n";
  return out.str();
}

Ending usage_error(const std::string& what, const std::string& command = "") {
  return {exit_usage, "hostler: " + what + "\n'hostler " + (command.empty() ? "" : command + " ") +
                          "--help' shows how it is used.\n"};
}

bool asks_for_help(const std::string& word) { return word == "--help" || word == "-h" || word == "help"; }

Command parse_command(const Parser& parser, std::span<const std::string> words) {
  po::options_description options("options");
  parser.describe(options);
  options.add_options()("help,h", po::bool_switch(), "show this");
  po::options_description hidden;
  po::positional_options_description words_taken; // without it stray words are ignored
  if (!parser.word.empty()) {
    hidden.add_options()("word", po::value<std::string>());
    words_taken.add("word", 1);
  }
  po::options_description known;
  known.add(options).add(hidden);
  // No guessing: --conf must not mean --config.
  const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
  try {
    po::variables_map values;
    po::store(po::command_line_parser(std::vector<std::string>(words.begin(), words.end()))
                  .options(known)
                  .positional(words_taken)
                  .style(style)
                  .run(),
              values);
    if (values["help"].as<bool>()) {
      std::ostringstream out;
      out << "usage: hostler " << parser.name << (parser.word.empty() ? "" : " " + parser.word)
          << " [OPTIONS]\n\n"
          << parser.purpose << "\n\n"
          << options;
      if (!parser.details.empty()) out << "\n" << parser.details << "\n";
      return Ending{exit_fine, out.str()};
    }
    if (!parser.word.empty() && values.count("word") == 0)
      return usage_error("'" + parser.name + "' needs " + (parser.word == "FILE" ? "a file" : "a name") +
                             ": hostler " + parser.name + " " + parser.word,
                         parser.name);
    po::notify(values);
    return parser.make(values);
  } catch (const po::too_many_positional_options_error&) {
    return usage_error(
        "'" + parser.name + "' takes " +
            (parser.word.empty() ? "options only, no other words" : "one " + parser.word + " only"),
        parser.name);
  } catch (const po::error& error) {
    return usage_error(error.what(), parser.name);
  } catch (const UsageError& error) { return usage_error(error.what, parser.name); }
}

} // namespace

Command parse_arguments(std::span<const std::string> arguments) {
  if (arguments.empty()) return Ending{exit_usage, overview()};
  if (asks_for_help(arguments[0])) return Ending{exit_fine, overview()};
  if (arguments[0] == "--version") return VersionOptions{};
  for (const Parser& parser : parsers()) {
    if (parser.name == arguments[0]) return parse_command(parser, arguments.subspan(1));
    if (arguments.size() > 1 && parser.name == arguments[0] + " " + arguments[1])
      return parse_command(parser, arguments.subspan(2));
  }
  std::string below; // "ledger" and "plugin" alone are no commands
  for (const Parser& parser : parsers()) {
    if (parser.name.starts_with(arguments[0] + " "))
      below += (below.empty() ? "'" : ", '") + parser.name + "'";
  }
  if (!below.empty()) {
    if (arguments.size() > 1 && asks_for_help(arguments[1])) return Ending{exit_fine, overview()};
    return usage_error(arguments.size() > 1 ? "there is no command '" + arguments[0] + " " + arguments[1] +
                                                  "'; there is " + below
                                            : "which " + arguments[0] + " command? There is " + below);
  }
  return usage_error("there is no command '" + arguments[0] + "'");
}

} // namespace hostler::cli
