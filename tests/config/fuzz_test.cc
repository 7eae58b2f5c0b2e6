// Whatever bytes a file holds, reading it ends with a configuration or with errors.
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
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
      "${env:X}", "${file:/dev/null}", "${credential:../x}", "${file:.}", "${", "$${env:", "[kafka.clusters.x]\n", "[ledgers.x]\n",
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
  const config::Environment environment = {{"X", "hunter2\n\x01"}, {"KAFKA_SESSION_TIMEOUT", "9000"}, {"KAFKA_RETRY_DELAY_MS", "5"}};
  std::mt19937 random(7);
  int loaded_count = 0;
  int refused = 0;
  constexpr int rounds = 100'000;
  for (int i = 0; i < rounds; ++i) {
    const std::string toml = mutate(seeds[i % 100 == 0 ? 1 : i % 2 == 0 ? 0 : 2], random);
    if (::ftruncate(file, 0) != 0 ||
        ::pwrite(file, toml.data(), toml.size(), 0) != static_cast<ssize_t>(toml.size()))
      FAIL("cannot write to memory");
    const Loaded loaded = config::load_config(path, environment);
    if (loaded) {
      ++loaded_count;
      continue;
    }
    ++refused;
    if (loaded.error().empty()) FAIL("refused without an error: " << toml);
    for (const config::ConfigError& error : loaded.error()) {
      // What a variable says stands at the variable.
      const bool placed = (error.line != 0 && error.column != 0) || error.file.starts_with("environment");
      if (error.message.empty() || !placed) FAIL(error.text() << "\n" << toml);
      if (error.message.find("hunter2") != std::string::npos) FAIL(error.text());
      if (error.message.find('\n') != std::string::npos) FAIL(error.text());
    }
  }
  ::close(file);
  CHECK(loaded_count > 100);
  CHECK(refused > 30'000);
}

TEST_CASE("files made to be slow or deep are answered quickly") {
  std::mt19937 random(11);
  std::string garbage(60'000, '\0');
  for (char& byte : garbage) byte = static_cast<char>(std::uniform_int_distribution<int>(0, 255)(random));
  std::string printable = garbage;
  for (char& byte : printable) byte = static_cast<char>(' ' + (static_cast<unsigned char>(byte) % 95));
  std::string keys; // each unknown, each with its own nearest key to look for
  for (int i = 0; keys.size() < 60'000; ++i) keys += "k" + std::to_string(i) + " = 1\n";
  std::string dots = "a";
  for (int i = 0; i < 25'000; ++i) dots += ".a";
  std::string tables;
  for (int i = 0; tables.size() < 60'000; ++i) tables += "[[handler]]\n";
  std::string variables = "[handler.config]\nx = \"";
  while (variables.size() < 60'000) variables += "${env:X}";
  std::string arrays(30'000, '[');
  const std::vector<std::string> texts = {garbage,
                                          printable,
                                          keys,
                                          dots + " = 1\n",
                                          "[" + dots + "]\n",
                                          "x = {" + dots + " = 1}\n",
                                          tables,
                                          minimal + variables + "\"\n",
                                          "x = " + arrays + std::string(30'000, ']'),
                                          "x = " + std::string(15'000, '{'),
                                          "x = \"" + std::string(60'000, '$') + "{env:X}\"\n"};
  for (const std::string& text : texts) {
    INFO(text.substr(0, 40));
    const auto begin = std::chrono::steady_clock::now();
    const Lines errors = errors_of(text, {{"X", std::string(100, 'x')}});
    const auto took = std::chrono::steady_clock::now() - begin;
    CHECK(took < std::chrono::seconds(60)); // a tenth of it without sanitizers and neighbours
    if (text.find("${env") == std::string::npos) CHECK_FALSE(errors.empty());
  }
}
