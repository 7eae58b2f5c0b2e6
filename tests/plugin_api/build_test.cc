// Plugins as authors build them: outside of this tree, from an installed copy, with CMake and with
// pkg-config; and what a finished plugin exports.
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "plugin_api/fake_host.h"
#include "support/catch.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace fs = std::filesystem;
using hostler::testing::run;
using hostler::testing::TempDir;

namespace {

const fs::path source_dir = HOSTLER_SOURCE_DIR;

std::string must(const std::vector<std::string>& argv, hostler::testing::ProcessOptions options = {}) {
  auto finished = run(argv, std::move(options), std::chrono::seconds(120));
  INFO(argv[0] << ": " << finished.output);
  REQUIRE(finished.status.code == 0);
  return finished.output;
}

// The names a library defines for others, one per line.
std::string exports(const fs::path& library) {
  return must({"nm", "-D", "--defined-only", "--format=just-symbols", library.string()});
}

void works(const fs::path& library) {
  CHECK(exports(library) == "hostler_plugin_entry_v1\n");
  CHECK(must({"readelf", "-d", library.string()}).find("NODELETE") != std::string::npos);
  fake::Host host;
  REQUIRE(host.start(fake::Plugin(library.string()), "outside"));
  CHECK(host.process({{"x"}}).verdicts == std::vector<std::uint8_t>{HOSTLER_DROP});
}

// A source with what tends to leak out of a library: a template's static, an inline variable, an exported
// class.
constexpr std::string_view outside_source = R"(
#include <hostler/plugin.hpp>
template <class T> struct Counter {
  static inline int count = 0;
  static int& local() { static int n = 0; return n; }
};
struct __attribute__((visibility("default"))) Outside {
  hostler::Verdict on_record(const hostler::Record&, hostler::Context& ctx) const {
    ctx.log(hostler::Level::info, std::to_string(++Counter<int>::count + ++Counter<int>::local()));
    return hostler::drop("outside");
  }
};
HOSTLER_PLUGIN(hostler::handler<Outside>("outside", {.version = "1"}));
)";

fs::path install(const TempDir& temp) {
  const fs::path prefix = temp / "prefix";
  must({HOSTLER_CMAKE, "-S", (source_dir / "plugin-api").string(), "-B", (temp / "api").string(),
        "-DCMAKE_INSTALL_PREFIX=" + prefix.string()});
  must({HOSTLER_CMAKE, "--install", (temp / "api").string()});
  return prefix;
}

} // namespace

TEST_CASE("each plugin of this tree exports its entry and nothing else") {
  std::size_t seen = 0;
  for (const auto* folder : {HOSTLER_PLUGIN_DIR, HOSTLER_TEST_PLUGIN_DIR})
    for (const auto& file : fs::directory_iterator(folder)) {
      const std::string name = file.path().filename();
      if (file.path().extension() != ".so" ||
          (folder == std::string(HOSTLER_TEST_PLUGIN_DIR) && name != "sdk_probe.so"))
        continue;
      INFO(name);
      CHECK(exports(file.path()) == "hostler_plugin_entry_v1\n");
      ++seen;
    }
  CHECK(seen >= 6);
}

TEST_CASE("a plugin is built outside of the tree with find_package and hostler_add_plugin") {
  const TempDir temp;
  const fs::path prefix = install(temp);
  temp.write("mine/outside.cc", outside_source);
  temp.write("mine/CMakeLists.txt",
             "cmake_minimum_required(VERSION 3.20)\nproject(mine CXX)\n"
             "find_package(hostler-plugin 0.1 REQUIRED)\nhostler_add_plugin(outside outside.cc)\n");
  must({HOSTLER_CMAKE, "-S", (temp / "mine").string(), "-B", (temp / "build").string(),
        "-DCMAKE_PREFIX_PATH=" + prefix.string()});
  must({HOSTLER_CMAKE, "--build", (temp / "build").string()});
  works(temp / "build/plugins/outside.so");
}

TEST_CASE("a plugin is built outside of the tree with pkg-config") {
  const TempDir temp;
  const fs::path prefix = install(temp);
  const auto source = temp.write("outside.cc", outside_source).string();
  const auto target = (temp / "outside.so").string();
  hostler::testing::ProcessOptions options;
  options.env["PKG_CONFIG_PATH"] = (prefix / "share/pkgconfig").string();
  must({"sh", "-c",
        "g++ -std=c++20 -o '" + target + "' '" + source + "' $(pkg-config --cflags --libs hostler-plugin)"},
       options);
  works(target);
  CHECK(must({"pkg-config", "--modversion", "hostler-plugin"}, options) == "0.1.0\n");
}

TEST_CASE("without the version script statics leak, so the test above can fail") {
  const TempDir temp;
  const auto source = temp.write("outside.cc", outside_source).string();
  const auto target = (temp / "outside.so").string();
  must({"g++", "-std=c++20", "-fPIC", "-shared", "-fvisibility=hidden",
        "-I" + (source_dir / "plugin-api/include").string(), "-I" + (source_dir / "plugin-api/cpp").string(),
        "-o", target, source});
  CHECK(exports(target) != "hostler_plugin_entry_v1\n");
}

TEST_CASE("an undefined symbol fails the link, not the load") {
  const TempDir temp;
  const fs::path prefix = install(temp);
  const auto source =
      temp.write(
              "bad.cc",
              std::string(
                  "void nobody_defines_this();\nstruct Call { Call() { nobody_defines_this(); } } call;\n") +
                  std::string(outside_source))
          .string();
  hostler::testing::ProcessOptions options;
  options.env["PKG_CONFIG_PATH"] = (prefix / "share/pkgconfig").string();
  const auto finished = run({"sh", "-c",
                             "g++ -std=c++20 -o '" + (temp / "bad.so").string() + "' '" + source +
                                 "' $(pkg-config --cflags --libs hostler-plugin)"},
                            options);
  CHECK(finished.status.code != 0);
  CHECK(finished.output.find("nobody_defines_this") != std::string::npos);
}
