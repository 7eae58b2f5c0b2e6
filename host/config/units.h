// Durations and sizes as people write them, in files and on the command line. Thread-safety: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/types.h"

namespace hostler::config {

// "30s", "1m", "1min", "500ms", "2h", "30d": whole numbers only. Empty if it is none of these.
[[nodiscard]] std::optional<core::Millis> parse_duration(std::string_view text);
// "512M", "64K", "2G" (times 1024), or bytes. Empty if it is none of these.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);
// The shortest way to write it: "30s", "1500ms".
[[nodiscard]] std::string show(core::Millis duration);
[[nodiscard]] std::string show_size(std::uint64_t bytes); // "512M"

} // namespace hostler::config
