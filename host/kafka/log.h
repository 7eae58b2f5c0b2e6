// How this folder talks to people: one callback, given by whoever wires the host. Called from several threads, also
// from librdkafka's own; it must be thread-safe, quick, and must not call back into this folder.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace hostler::kafka {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

using LogFn = std::function<void(LogLevel level, std::string_view text)>;

}  // namespace hostler::kafka
