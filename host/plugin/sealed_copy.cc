#include "plugin/sealed_copy.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/digest.h"

namespace hostler::plugin {
namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 30; // beyond any plugin, below any mishap
constexpr std::size_t chunk = std::size_t{1} << 18;
constexpr std::size_t longest_name = 200; // the kernel's limit is 249

core::Error failed(const std::string& what) {
  return core::Error{what + ": " + std::strerror(errno) + "; is there enough memory?"};
}

bool write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const auto written = ::write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

} // namespace

core::Result<SealedCopy> SealedCopy::make(const Descriptor& file, const std::string& name) {
  SealedCopy copy;
  copy.fd_ =
      Descriptor(::memfd_create(name.substr(0, longest_name).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!copy.fd_) return failed("cannot make a private copy");
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  if (digest == nullptr || EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) != 1)
    return core::Error{"SHA-256 is not available in libcrypto; check the installation of OpenSSL"};

  std::vector<char> buffer(chunk);
  std::size_t size = 0;
  for (;;) {
    const auto got = ::pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return core::Error{"cannot be read: " + std::string(std::strerror(errno)) + "; check the disk"};
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size > most_bytes)
      return core::Error{"larger than 1 GiB; strip its debug information: strip --strip-debug"};
    if (!write_all(copy.fd_.get(), buffer.data(), static_cast<std::size_t>(got)))
      return failed("cannot make a private copy");
    EVP_DigestUpdate(digest.get(), buffer.data(), static_cast<std::size_t>(got));
  }
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> sum{};
  unsigned int sum_size = 0;
  EVP_DigestFinal_ex(digest.get(), sum.data(), &sum_size);
  copy.sha256_ = runtime::to_hex(std::span(sum).first(sum_size));

  if (::fcntl(copy.fd_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
    return failed("cannot seal the private copy");
  if (size == 0) return copy;
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, copy.fd_.get(), 0);
  if (mapped == MAP_FAILED) return failed("cannot map the private copy");
  copy.bytes_ = {static_cast<const std::uint8_t*>(mapped), size};
  return copy;
}

SealedCopy::SealedCopy(SealedCopy&& other) noexcept
    : fd_(std::move(other.fd_)), bytes_(std::exchange(other.bytes_, {})), sha256_(std::move(other.sha256_)) {}

SealedCopy::~SealedCopy() {
  if (!bytes_.empty()) ::munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

} // namespace hostler::plugin
