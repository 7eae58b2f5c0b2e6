// Microseconds since 1970 UTC as the text both databases read, and back. Private to store/. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hostler::store {

// Years 1 to 9999: what ISO 8601 writes with four digits and both databases take.
[[nodiscard]] bool writable_time(std::int64_t microseconds);
// "2024-01-31 12:00:00.123456". Precondition: writable_time().
[[nodiscard]] std::string time_text(std::int64_t microseconds);
// PostgreSQL's ISO style, with or without an offset ("+02", "-03:30"); empty for infinity, BC and years beyond 9999.
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace hostler::store
