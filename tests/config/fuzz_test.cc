// Whatever bytes a file holds, reading it ends with a configuration or with errors.
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <sstream>

#include "config_text.h"
#include "support/catch.h"

using namespace hostler;
using namespace hostler::testing;

namespace {

std::string mutate(std::string text, std::mt19937& random) {
  static const std::vector<std::string> pieces = {
      "[",      "]",     "[[handler]]", "{",       "}",        "\"",      "'''",
      "\"\"\"", "=",     ".",           ",",       "\n",       "\\",      "#",
      "nan",    "-1",    "1e999",       "[]",      "0",        "*",       "{}",
      "true",   "1.5.1", "\xff",        "\\u0000", "2026-1-1", "x = 1\n", std::string(1, '\0')};
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  for (std::size_t changes = 1 + below(4); changes > 0 && !text.empty(); --changes) {
    const std::size_t at = below(text.size());
    switch (below(6)) {
      case 0: text[at] = static_cast<char>(below(256)); break;
      case 1: text.erase(at, 1 + below(20)); break;
      case 2: text.insert(at, pieces[below(pieces.size())]); break;
      case 3: text.replace(at, std::min(text.size() - at, below(8)), pieces[below(pieces.size())]); break;
      case 4: text.insert(at, text.substr(below(text.size()), below(60))); break;
      default: text.resize(at); break;
    }
  }
  return text;
}

} // namespace

TEST_CASE("a hundred thousand broken files are answered, each with a place") {
  std::ifstream in(std::string(HOSTLER_SOURCE_DIR) + "/conf/hostler.toml");
  std::stringstream text;
  // Uncommented, so that every key is there to be broken.
  for (std::string line; std::getline(in, line);)
    text << (line.starts_with("# ") && line.find(" = ") != std::string::npos ? line.substr(2) : line) << "\n";
  const std::vector<std::string> seeds = {minimal, text.str(),
                                          minimal + "[handler.config]\na = [1, {b = 2026-11-21}]\n"};
  // In memory: a hundred thousand small files on a disk would take minutes.
  const int file = ::memfd_create("hostler.toml", MFD_CLOEXEC);
  REQUIRE(file >= 0);
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  std::mt19937 random(7);
  int loaded_count = 0;
  int refused = 0;
  constexpr int rounds = 100'000;
  for (int i = 0; i < rounds; ++i) {
    const std::string toml = mutate(seeds[i % 100 == 0 ? 1 : i % 2 == 0 ? 0 : 2], random);
    if (::ftruncate(file, 0) != 0 ||
        ::pwrite(file, toml.data(), toml.size(), 0) != static_cast<ssize_t>(toml.size()))
      FAIL("cannot write to memory");
    const Loaded loaded = config::load_config(path, {});
    if (loaded) {
      ++loaded_count;
      continue;
    }
    ++refused;
    if (loaded.error().empty()) FAIL("refused without an error: " << toml);
    for (const config::ConfigError& error : loaded.error()) {
      if (error.message.empty() || error.line == 0 || error.column == 0) FAIL(error.text() << "\n" << toml);
      if (error.message.find('\n') != std::string::npos) FAIL(error.text());
    }
  }
  ::close(file);
  CHECK(loaded_count > 100);
  CHECK(refused > 30'000);
}
