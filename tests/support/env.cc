#include "support/env.h"

#include <atomic>
#include <cstdlib>
#include <random>
#include <sstream>
#include <stdexcept>

namespace hostler::testing {
namespace {

std::string required(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0')
    throw std::runtime_error(std::string(name) +
                             " is not set: this test needs real servers, run it through ./dev test" +
                             " (or set it to what `./dev kafka start` and `./dev postgres start` print)");
  return value;
}

} // namespace

std::string kafka_bootstrap() { return required("HOSTLER_TEST_KAFKA"); }
std::string postgres_url() { return required("HOSTLER_TEST_POSTGRES"); }

std::filesystem::path scratch_dir() {
  const char* scratch = std::getenv("HOSTLER_TEST_SCRATCH");
  return scratch != nullptr ? std::filesystem::path(scratch) : std::filesystem::temp_directory_path();
}

std::string unique_prefix() {
  static const unsigned process = std::random_device{}();
  static std::atomic<int> count{0};
  std::ostringstream name;
  name << 't' << std::hex << process << '-' << std::dec << ++count << '-';
  return name.str();
}

} // namespace hostler::testing
