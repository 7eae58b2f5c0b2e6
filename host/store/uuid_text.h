// UUIDs between 16 bytes and 36 characters. Private to store/. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hostler::store {

// Precondition: 16 bytes.
[[nodiscard]] std::string uuid_text(std::string_view bytes);
// The 16 bytes of the canonical text; empty if it is none.
[[nodiscard]] std::optional<std::string> uuid_bytes(std::string_view text);
// Appends the bytes that `hex` stands for; false if it is not hexadecimal.
bool append_unhexed(std::string_view hex, std::string& out);
void append_hexed(std::string_view bytes, std::string& out);

}  // namespace hostler::store
