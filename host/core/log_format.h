// How lines of the log look. Thread-safety: a value.
#pragma once

#include <cstdint>

namespace hostler::core {

enum class LogFormat : std::uint8_t {
  automatic,  // journald if the file is the journal, human if it is a terminal, else json
  human,
  json,
  journald,   // a priority for the journal, which adds the time itself
};

}  // namespace hostler::core
