// `--to` of `hostler offsets rewind`, as typed. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "cli/commands.h"

namespace hostler::cli {

// "120", "earliest", "latest", "@2026-01-31T10:00:00Z" (or without seconds, with milliseconds, or a date alone). Empty if it is none of these.
[[nodiscard]] std::optional<RewindTarget> parse_rewind_target(std::string_view text);

}  // namespace hostler::cli
