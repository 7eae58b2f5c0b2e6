// A private copy of a plugin's file in memory that nobody can change any more: what is hashed, checked, probed and loaded is the
// same bytes, and overwriting the file later cannot reach code that runs. Not thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "core/result.h"
#include "plugin/descriptor.h"

namespace hostler::plugin {

class SealedCopy {
 public:
  // Reads `file` from its beginning. `name` is what shows in /proc/PID/maps. The error has reason and mend, without the path.
  [[nodiscard]] static core::Result<SealedCopy> make(const Descriptor& file, const std::string& name);
  SealedCopy(SealedCopy&& other) noexcept;
  SealedCopy& operator=(SealedCopy&&) = delete;
  ~SealedCopy();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return bytes_; }
  [[nodiscard]] const std::string& sha256() const { return sha256_; } // 64 lower-case hex digits
  // The descriptor alone, without the mapping.
  [[nodiscard]] Descriptor take_fd() { return std::move(fd_); }

 private:
  SealedCopy() = default;
  Descriptor fd_;
  std::span<const std::uint8_t> bytes_;
  std::string sha256_;
};

} // namespace hostler::plugin
