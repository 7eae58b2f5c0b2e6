// `hostler demo` as its users start it: a child process that ends with a summary.
#include <csignal>
#include <filesystem>
#include <sstream>

#include "support/catch.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "support/wait.h"

namespace hostler::testing {
namespace {

struct SummaryRow {
  std::string handler;
  long read = 0, done = 0, duplicate = 0, dead = 0, dropped = 0, filtered = 0;
};

// Lines such as: user-service  508  =  480  15  11  2  0  20
std::vector<SummaryRow> summary_of(const std::string& output) {
  std::vector<SummaryRow> rows;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    SummaryRow r;
    std::string equals;
    if (words >> r.handler >> r.read >> equals >> r.done >> r.duplicate >> r.dead >> r.dropped >>
            r.filtered &&
        equals == "=")
      rows.push_back(r);
  }
  return rows;
}

void check_summary(const std::string& output) {
  const auto rows = summary_of(output);
  CHECK(rows.size() == 3);
  for (const auto& r : rows) {
    INFO(r.handler);
    CHECK(r.read > 0);
    CHECK(r.read == r.done + r.duplicate + r.dead + r.dropped + r.filtered);
  }
  CHECK(output.find("It adds up") != std::string::npos);
}

std::size_t lines_with(const std::string& output, const std::string& text) {
  std::istringstream lines(output);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) count += line.find(text) != std::string::npos ? 1 : 0;
  return count;
}

// TMPDIR of its own, so that what the demo leaves behind can be seen.
ProcessOptions in(const TempDir& folder) {
  ProcessOptions options;
  options.env["TMPDIR"] = folder.path();
  return options;
}

TEST_CASE("somebody's own plugin runs live on a sample, and every record has its fate") {
  const TempDir folder;
  const Finished done = program({"demo", "--plugin", HOSTLER_PLUGIN_DIR "/plain_c.so", "--for", "2s"}, in(folder));
  INFO(done.output);
  CHECK(done.status.code == 0);
  CHECK(done.output.find("  demo: done ") != std::string::npos);
  CHECK(done.output.find(" records sent, each has its fate") != std::string::npos);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("somebody's own plugin runs with its configuration and records, sent round and round") {
  const TempDir folder, files;
  const auto config = files.write("own.toml", "[ledger]\nurl = \"sqlite:///elsewhere.db\"\n[[handler]]\nname = \"own\"\nplugin = \"plain_c.so\"\nhandler = "
                                              "\"plain.c\"\ntopics = [\"mine\"]\ngroup = \"own\"\nstart = \"earliest\"\nevent_id = \"key\"\n");
  const auto records = files.write("own.jsonl", "{\"topic\": \"mine\", \"key\": \"1\", \"value\": \"fine\"}\n{\"topic\": \"mine\", \"key\": \"2\", \"value\": \"x\"}\n");
  const Finished done = program({"demo", "--plugin", HOSTLER_PLUGIN_DIR "/plain_c.so", "--config", config.string(), "--records", records.string(), "--for", "2s"}, in(folder));
  INFO(done.output);
  CHECK(done.status.code == 0);
  CHECK(done.output.find("own: done 1 duplicate ") != std::string::npos); // by their ids the rounds are one
  CHECK(done.output.find("dead-lettered 1") != std::string::npos);
  const Finished stray = program({"demo", "--plugin", HOSTLER_PLUGIN_DIR "/plain_c.so", "--config", config.string(), "--records",
                              files.write("stray.jsonl", "{\"topic\": \"other\"}").string(), "--for", "1s"}, in(folder));
  CHECK(stray.status.code == 1);
  CHECK(stray.output.find("records of topic other, which no handler of this plugin reads") != std::string::npos);
}

TEST_CASE("a demo of a plugin that cannot be loaded ends with the loader's line") {
  const TempDir folder;
  const Finished done = program({"demo", "--plugin", folder.write("text.so", "text").string()}, in(folder));
  CHECK(done.status.code == 1);
  CHECK(done.output.find("text.so: no shared library") != std::string::npos);
}

TEST_CASE("a demo of three seconds drains all tiers, adds up and leaves nothing behind") {
  const TempDir folder;
  const auto demo = program({"demo", "--for", "3s", "--plain", "--seed", "1"}, in(folder), 120s);
  INFO(demo.output);
  CHECK(demo.status.code == 0);
  check_summary(demo.output);
  const auto rows = summary_of(demo.output);
  // The seed decides what is produced: everything is in it.
  for (const auto& r : rows) CHECK((r.done > 0 && r.duplicate > 0 && r.dead > 0));
  CHECK(demo.output.find("producing") != std::string::npos);
  CHECK(demo.output.find("draining") != std::string::npos);
  CHECK(demo.output.find("\x1b[") == std::string::npos); // no escapes in a pipe
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("on a terminal the demo draws in place and gives the screen back") {
  const TempDir folder;
  const std::string command = HOSTLER_BINARY " demo --for 1s --seed 4";
  const auto demo =
      run({"script", "-qefc", command, "/dev/null"}, in(folder), 120s); // util-linux: runs it on a terminal
  CHECK(demo.status.code == 0);
  const auto screen = demo.output.find("\x1b[?1049h"), back = demo.output.rfind("\x1b[?25h\x1b[?1049l"),
             sum = demo.output.find("It adds up");
  INFO(demo.output);
  REQUIRE(screen != std::string::npos);
  REQUIRE(back != std::string::npos);
  REQUIRE(sum != std::string::npos);
  CHECK(screen < back);
  CHECK(back < sum);
  CHECK(demo.output.find("waiting for their next attempt") < back);
}

TEST_CASE("an interrupted demo still drains and sums up") {
  const TempDir folder;
  Process demo({HOSTLER_BINARY, "demo", "--for", "1h", "--plain", "--seed", "2"}, in(folder));
  REQUIRE(eventually(60s, [&] { return lines_with(demo.output(), "producing") >= 3; })); // one a second
  demo.kill(SIGINT);
  const auto status = demo.wait(120s);
  INFO(demo.output());
  REQUIRE(status);
  CHECK(status->code == 0);
  check_summary(demo.output());
}

TEST_CASE("a second interrupt stops the demo at once") {
  const TempDir folder;
  Process demo({HOSTLER_BINARY, "demo", "--for", "1h", "--plain", "--seed", "3"}, in(folder));
  REQUIRE(eventually(60s, [&] { return lines_with(demo.output(), "producing") >= 3; })); // one a second
  demo.kill(SIGINT);
  REQUIRE(demo.wait_for_output("draining", 10s));
  demo.kill(SIGINT);
  const auto status = demo.wait(5s);
  REQUIRE(status);
  CHECK(status->code == 1);
  CHECK(demo.output().find("stopped at once") != std::string::npos);
  CHECK(demo.output().find("It adds up") == std::string::npos);
}

} // namespace
} // namespace hostler::testing
