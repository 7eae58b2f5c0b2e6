#include "runtime/digest.h"

#include <openssl/evp.h>
#include <xxhash.h>

#include <algorithm>
#include <stdexcept>

namespace hostler::runtime {

std::array<std::uint8_t, 16> sha256_16(std::string_view bytes) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> full{};
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), full.data(), &size, EVP_sha256(), nullptr) != 1) throw std::runtime_error("SHA-256 is not available in libcrypto");
  std::array<std::uint8_t, 16> out{};
  std::copy_n(full.begin(), out.size(), out.begin());
  return out;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t b : bytes) {
    out += digits[b >> 4];
    out += digits[b & 15];
  }
  return out;
}

std::uint64_t fingerprint(const core::Bytes& key, const core::Bytes& value) {
  // Null and empty differ: the seed says which parts are there.
  const std::uint64_t seed = (key.is_null() ? 1U : 0U) | (value.is_null() ? 2U : 0U) | (static_cast<std::uint64_t>(key.size) << 2);
  const std::uint64_t of_key = XXH3_64bits_withSeed(key.view().data(), key.view().size(), seed);
  return XXH3_64bits_withSeed(value.view().data(), value.view().size(), of_key);
}

std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return out;
}

}  // namespace hostler::runtime
