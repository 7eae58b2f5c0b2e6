// Each header of the border compiles alone, as every language it promises, without a warning, -Wpadded
// included.
#include <filesystem>
#include <string>
#include <vector>

#include "support/catch.h"
#include "support/process.h"
#include "support/temp_dir.h"

namespace fs = std::filesystem;
using hostler::testing::run;
using hostler::testing::TempDir;

namespace {

const fs::path source_dir = HOSTLER_SOURCE_DIR;

bool installed(const std::string& compiler) {
  try {
    return run({compiler, "--version"}).status.code == 0;
  } catch (const std::exception&) { return false; }
}

void compile(const std::string& compiler, const std::string& language, const std::string& standard,
             const fs::path& file, std::vector<std::string> more = {}) {
  std::vector<std::string> argv = {compiler,
                                   "-x",
                                   language,
                                   "-std=" + standard,
                                   "-fsyntax-only",
                                   "-Wall",
                                   "-Wextra",
                                   "-Wpedantic",
                                   "-Wshadow",
                                   "-Wconversion",
                                   "-Werror",
                                   "-I" + (source_dir / "plugin-api/include").string(),
                                   "-I" + (source_dir / "plugin-api/cpp").string()};
  argv.insert(argv.end(), more.begin(), more.end());
  argv.push_back(file.string());
  const auto finished = run(argv);
  INFO(compiler << " -std=" << standard << " " << file << "\n" << finished.output);
  CHECK(finished.status.code == 0);
}

std::vector<fs::path> headers(const char* tree, const char* extension) {
  std::vector<fs::path> found;
  const fs::path root = source_dir / "plugin-api" / tree;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.path().extension() == extension) found.push_back(fs::relative(entry.path(), root));
  REQUIRE(found.size() >= 6);
  return found;
}

} // namespace

TEST_CASE("each C header compiles alone as C99 to C17 and C++11 to C++20") {
  const auto [c, cpp] = GENERATE(table<std::string, std::string>({{"gcc", "g++"}, {"clang", "clang++"}}));
  if (!installed(c)) {
    WARN(c << " is not installed: not checked");
    return;
  }
  const TempDir temp;
  for (const auto& header : headers("include", ".h")) {
    const auto file =
        temp.write("alone.h", "#include <" + header.string() + ">\n#include <" + header.string() + ">\n");
    for (const char* standard : {"c99", "c11", "c17"}) compile(c, "c", standard, file, {"-Wpadded"});
    for (const char* standard : {"c++11", "c++14", "c++17", "c++20"})
      compile(cpp, "c++", standard, file, {"-Wpadded", "-Wold-style-cast"});
  }
}

TEST_CASE("each SDK header compiles alone as C++20 and C++23") {
  const auto compiler = GENERATE(as<std::string>(), "g++", "clang++");
  if (!installed(compiler)) {
    WARN(compiler << " is not installed: not checked");
    return;
  }
  const TempDir temp;
  for (const auto& header : headers("cpp", ".hpp")) {
    if (compiler == "clang++" && header.filename() != "plugin.hpp") continue; // slow, and finds the same
    const auto file = temp.write("alone.cc", "#include <" + header.string() + ">\n");
    compile(compiler, "c++", "c++20", file, {"-Wold-style-cast"});
    if (header.filename() == "plugin.hpp") compile(compiler, "c++", "c++2b", file);
  }
}

TEST_CASE("sizes, offsets and values are the same in C") {
  for (const char* compiler : {"gcc", "clang"})
    if (installed(compiler))
      compile(compiler, "c", "c11", source_dir / "tests/plugin_api/abi_table.h", {"-Wno-overlength-strings"});
}

TEST_CASE("a handler function that may throw does not fit the border without the SDK") {
  const TempDir temp;
  const auto file = temp.write("throws.cc",
                               "#include <hostler/plugin.h>\nvoid destroy(hostler_lane*);\n"
                               "hostler_lane lane{sizeof lane, 0, nullptr, nullptr, destroy};\n");
  const auto finished = run({"g++", "-std=c++20", "-fsyntax-only",
                             "-I" + (source_dir / "plugin-api/include").string(), file.string()});
  CHECK(finished.status.code != 0);
  CHECK(finished.output.find("noexcept") != std::string::npos);
}

TEST_CASE("every function of the border has a thread tag") {
  for (const auto& header : headers("include", ".h")) {
    INFO(header);
    const auto finished = run({"awk",
                               R"(/\/\*/ { comment = "" } { comment = comment $0 "\n" }
                                  /\(\*[a-z_]+\)\(|hostler_plugin_entry_v1\(void\)/ {
                                    if ($0 !~ /on_row|^\/\*|^ \*/ && comment !~ /\[(control|lane|any-thread)[^]]*\]/) print FNR ": " $0 })",
                               (source_dir / "plugin-api/include" / header).string()});
    CHECK(finished.status.code == 0);
    CHECK(finished.output.empty());
  }
}
