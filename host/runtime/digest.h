// SHA-256 where a stranger chooses the input; XXH3 for fingerprints that only need to be quick. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/types.h"

namespace hostler::runtime {

// The first 16 bytes of SHA-256.
[[nodiscard]] std::array<std::uint8_t, 16> sha256_16(std::string_view bytes);
[[nodiscard]] std::string to_hex(std::span<const std::uint8_t> bytes);
// Fingerprint of a record's key and value, for comparing the last settled record with what the broker has.
[[nodiscard]] std::uint64_t fingerprint(const core::Bytes& key, const core::Bytes& value);
// RFC 4648 with padding.
[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace hostler::runtime
