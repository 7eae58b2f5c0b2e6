// The command line as typed -> a command with its options, or what to print instead (help, a usage error).
// main.cc uses it. Thread-safety: pure.
#pragma once

#include <span>
#include <string>
#include <variant>

#include "cli/commands.h"

namespace hostler::cli {

// Nothing to run: print and end.
struct Ending {
  int exit_code = exit_fine;
  std::string text; // to stdout when the exit code is 0, else to stderr
};

struct RunCommand {
  std::string config;
};

using Command =
    std::variant<Ending, RunCommand, CheckOptions, DemoOptions, MigrateOptions, OffsetsShowOptions,
                 OffsetsRewindOptions, OffsetsAdoptOptions, LedgerStuckOptions, VersionOptions,
                 PluginInspectOptions, PluginNewOptions, PluginTestOptions>;

// `arguments` without the program's name. Never throws for what a user typed.
[[nodiscard]] Command parse_arguments(std::span<const std::string> arguments);

} // namespace hostler::cli
