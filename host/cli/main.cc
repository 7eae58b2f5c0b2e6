#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <variant>
#include <vector>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "plugin/probe.h"

namespace {

using namespace hostler::cli;

struct Run {
  int operator()(const Ending& ending) const {
    std::fputs(ending.text.c_str(), ending.exit_code == exit_fine ? stdout : stderr);
    return ending.exit_code;
  }
  int operator()(const RunCommand& command) const {
    const auto config = load_or_complain(command.config);
    return config ? run_host(*config) : exit_usage;
  }
  int operator()(const CheckOptions& options) const { return run_check(options); }
  int operator()(const DemoOptions& options) const {
    return options.plugin.empty() ? run_demo(options) : run_plugin_demo(options);
  }
  int operator()(const MigrateOptions& options) const { return run_migrate(options); }
  int operator()(const OffsetsShowOptions& options) const { return run_offsets_show(options); }
  int operator()(const OffsetsRewindOptions& options) const { return run_offsets_rewind(options); }
  int operator()(const OffsetsAdoptOptions& options) const { return run_offsets_adopt(options); }
  int operator()(const LedgerStuckOptions& options) const { return run_ledger_stuck(options); }
  int operator()(const VersionOptions&) const { return run_version(); }
  int operator()(const PluginInspectOptions& options) const { return run_plugin_inspect(options); }
  int operator()(const PluginNewOptions& options) const { return run_plugin_new(options); }
  int operator()(const PluginTestOptions& options) const { return run_plugin_test(options); }
};

} // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    if (std::equal(arguments.begin(), arguments.end(), hostler::plugin::probe_words.begin(),
                   hostler::plugin::probe_words.end())) {
      return hostler::plugin::run_probe(); // hidden: the host starts itself so, to try a plugin
    }
    return std::visit(Run{}, parse_arguments(arguments));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hostler: %s\n", error.what());
    return exit_not_fine;
  }
}
