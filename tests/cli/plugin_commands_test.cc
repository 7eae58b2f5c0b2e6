// `hostler plugin inspect`, `new` and `test`, as an author uses them: the program itself, real plugins, neither broker nor server.
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/catch.h"
#include "support/file.h"
#include "support/process.h"
#include "support/temp_dir.h"

using namespace hostler::testing;
namespace fs = std::filesystem;

namespace {

const std::string examples = std::string(HOSTLER_PLUGIN_DIR) + "/",
                  faulty = std::string(HOSTLER_TEST_PLUGIN_DIR) + "/";

// A configuration without [kafka]: nobody asks a broker.
std::string handler_toml(const std::string& plugin, const std::string& handler,
                         const std::string& idempotency) {
  return "[ledger]\nurl = \"sqlite:///unused.db\"\n[[handler]]\nname = \"tried\"\nplugin = \"" + plugin +
         "\"\nhandler = \"" + handler +
         "\"\ntopics = [\"t\"]\ngroup = \"g\"\nstart = \"earliest\"\nidempotency = \"" + idempotency + "\"\n";
}

struct Trial {
  TempDir dir;
  std::string records;

  void add(int count) {
    for (int i = 0; i < count; ++i)
      records += R"({"topic": "t", "key": "k)" + std::to_string(i) + R"(", "value": "v"})" + "\n";
  }
  Finished run_on(const std::string& file, const std::string& handler, const std::string& idempotency = "off",
                  const std::string& expect = "") {
    const auto plugin = fs::path(file).filename().string();
    std::vector<std::string> words = {
        "plugin",
        "test",
        file,
        "--config",
        dir.write("h.toml", handler_toml(plugin, handler, idempotency)).string(),
        "--records",
        dir.write("r.jsonl", records).string()};
    if (!expect.empty()) {
      words.emplace_back("--expect");
      words.push_back(dir.write("e.jsonl", expect).string());
    }
    return program(words);
  }
};

std::string finding(const std::string& handler, const std::string& idempotency = "off") {
  Trial trial;
  trial.add(3);
  const auto done = trial.run_on(faulty + "uneven.so", handler, idempotency);
  CHECK(done.status.code == 1);
  return done.output;
}

} // namespace

TEST_CASE("inspect shows a plugin's file, ELF facts and handlers, and exits with 0") {
  const auto seen = program({"plugin", "inspect", examples + "readme.so"});
  INFO(seen.output);
  CHECK(seen.status.code == 0);
  CHECK_THAT(seen.output, contains("sha256") && contains("permissions   owner ") &&
                              contains("exports       hostler_plugin_entry_v1") &&
                              contains("handler       readme.user-events 1.0.0 - keeps users up to date") &&
                              contains("ENQUEUES") && contains("user.created,user.updated,user.deleted") &&
                              contains("fine: the host would load it"));
  const auto json =
      nlohmann::json::parse(program({"plugin", "inspect", "--json", examples + "readme.so"}).output);
  CHECK(json["fine"] == true);
  CHECK(json["sha256"].get<std::string>().size() == 64);
  CHECK(json["abi"]["built"] == "0.1");
  CHECK(json["handlers"][0]["id"] == "readme.user-events");
  CHECK(json["handlers"][0]["flags"] == nlohmann::json::array({"ENQUEUES"}));
}

TEST_CASE("inspect of something wrong says all that is wrong and exits with 1, without a file with 2") {
  const TempDir dir;
  const auto text = dir.write("text.so", "I am not a plugin");
  fs::permissions(text, fs::perms(0666));
  const auto seen = program({"plugin", "inspect", text.string()});
  CHECK(seen.status.code == 1);
  CHECK_THAT(seen.output, contains("mode 0666") && contains("WRONG") &&
                              contains("can be written by everybody") && contains("no ELF header"));
  CHECK(program({"plugin", "inspect", "/nowhere.so"}).status.code == 1);
  CHECK(program({"plugin", "inspect"}).status.code == 2);
  CHECK(program({"plugin", "inspect", "a.so", "b.so"}).status.code == 2);
  CHECK(program({"plugin"}).status.code == 2);
}

TEST_CASE("the probe is not for people") {
  const auto done = program({"plugin", "probe"});
  CHECK(done.status.code == 2);
  CHECK_THAT(done.output, contains("hostler plugin inspect FILE"));
  CHECK_THAT(program({"--help"}).output, !contains("probe"));
}

TEST_CASE("a new plugin builds outside of the tree, and passes its tests and plugin test") {
  const std::string language = GENERATE("c", "cpp");
  CAPTURE(language);
  const TempDir dir;
  const auto made =
      program({"plugin", "new", "user-events", "--lang", language, "--into", dir.path().string()});
  INFO(made.output);
  REQUIRE(made.status.code == 0);
  const fs::path folder = dir / "user-events";
  const auto must = [](const std::vector<std::string>& words) {
    const auto done = run(words, {}, std::chrono::seconds(120));
    INFO(done.output);
    REQUIRE(done.status.code == 0);
    return done.output;
  };
  must({HOSTLER_CMAKE, "-S", folder.string(), "-B", (folder / "build").string(),
        "-DHOSTLER_SOURCE=" HOSTLER_SOURCE_DIR, "-DHOSTLER_PROGRAM=" HOSTLER_BINARY});
  must({HOSTLER_CMAKE, "--build", (folder / "build").string()});
  CHECK_THAT(must({"ctest", "--test-dir", (folder / "build").string(), "--output-on-failure"}),
             contains("100% tests passed, 0 tests failed out of 2"));
  const auto tested =
      must({HOSTLER_BINARY, "plugin", "test", (folder / "build/plugins/user_events.so").string(), "--config",
            (folder / "user_events.toml").string(), "--records", (folder / "records.jsonl").string(),
            "--expect", (folder / "expect.jsonl").string()});
  CHECK_THAT(tested, contains("user-events/0@2  reject (no key)") && contains("INSERT INTO user_events(") &&
                         contains("fine: the five ways agree, and so do 4 expected verdicts"));
  // Nothing of the templates' own name is left, and nothing is overwritten.
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().string().find("/build/") != std::string::npos || !entry.is_regular_file()) continue;
    const std::string content = text_of(entry.path());
    CHECK(content.find("my_plugin") == std::string::npos);
    CHECK(content.find("my-plugin") == std::string::npos);
  }
  const auto again = program({"plugin", "new", "user-events", "--into", dir.path().string()});
  CHECK(again.status.code == 1);
  CHECK_THAT(again.output, contains("exists; remove it or choose another name"));
}

TEST_CASE("a new plugin needs a proper name and a known language") {
  const TempDir dir;
  for (const char* const name : {"../x", "Users", "1x", "a b", ""})
    CHECK(program({"plugin", "new", name, "--into", dir.path().string()}).status.code == 2);
  CHECK_THAT(program({"plugin", "new", "x", "--lang", "rust"}).output, contains("it can be c or cpp"));
  CHECK(fs::is_empty(dir.path()));
}

TEST_CASE(
    "plugin test finds verdicts and SQL that depend on the batch, late verdicts, and a handler that waits "
    "for ever") {
  CHECK_THAT(finding("uneven.batch"),
             contains("t/0@0: done, but one by one: drop (alone)") && contains("3 differences"));
  CHECK_THAT(finding("uneven.sql", "offset"),
             contains("statement 1: SELECT $1 [3], but one by one: SELECT $1 [1]"));
  CHECK_THAT(finding("uneven.late"),
             contains("t/0@2: done, but with a deadline that has passed: reject (too late)"));
  CHECK_THAT(finding("uneven.waiting"),
             contains("the handler does not go on, one by one: handler: the mail server is down"));
}

TEST_CASE("plugin test shows what is published, and compares with the expectation") {
  Trial trial;
  trial.add(2);
  const auto fine = trial.run_on(faulty + "uneven.so", "uneven.publish", "off",
                                 R"({"topic": "t", "offset": 1, "verdict": "done"})");
  INFO(fine.output);
  CHECK(fine.status.code == 0);
  CHECK_THAT(fine.output, contains("published   copies 'k1' 'v'"));
  const auto wrong = trial.run_on(faulty + "uneven.so", "uneven.publish", "off",
                                  "{\"topic\": \"t\", \"offset\": 1, \"verdict\": \"reject\", \"reason\": "
                                  "\"x\"}\n{\"topic\": \"t\", \"offset\": 9, \"verdict\": \"done\"}");
  CHECK(wrong.status.code == 1);
  CHECK_THAT(wrong.output, contains("t/0@1: done, but expected: reject (x)") &&
                               contains("t/0@9: expected, but there is no such record"));
}

TEST_CASE("an event that is delivered again is a duplicate, and one without an id is invalid") {
  Trial trial;
  trial.records = R"({"topic": "t", "key": "a", "value": "{\"id\": \"1\"}"}
{"topic": "t", "key": "b", "value_base64": "eyJpZCI6ICIxIn0="}
{"topic": "t", "key": "c", "value": "{}"})";
  const auto file =
      trial.dir
          .write("h.toml", handler_toml("noop.so", "noop.record", "event-id") + "event_id = \"json:/id\"\n")
          .string();
  const auto done = program({"plugin", "test", examples + "noop.so", "--config", file, "--records",
                             trial.dir.write("r.jsonl", trial.records).string()});
  INFO(done.output);
  CHECK(done.status.code == 0);
  CHECK_THAT(done.output,
             contains("t/0@0  done") && contains("t/0@1  duplicate") && contains("t/0@2  invalid"));
}

TEST_CASE("a record that cannot be read is named by file and line, and exits with 2") {
  struct Case {
    std::string line, said;
  };
  for (const auto& [line, said] : std::vector<Case>{
           {"{", "r.jsonl:2: is no JSON"},
           {R"({"key": "a"})", "r.jsonl:2: needs 'topic'"},
           {R"({"topic": "t", "vlaue": "a"})",
            "r.jsonl:2: has the unknown key 'vlaue'; there are topic, partition"},
           {R"({"topic": "t", "offset": 0})", "r.jsonl:2: 'offset' is not above"},
           {R"({"topic": "t", "value": 1})", "r.jsonl:2: 'value' must be a string or null"},
           {R"({"topic": "t", "value_base64": "a"})", "r.jsonl:2: 'value_base64' is no base64"}}) {
    Trial trial;
    trial.add(1);
    trial.records += line + "\n";
    const auto done = trial.run_on(examples + "noop.so", "noop.batch");
    CHECK(done.status.code == 2);
    CHECK_THAT(done.output, contains(said));
  }
  CHECK(program({"plugin", "test", examples + "noop.so"}).status.code == 2);
}

TEST_CASE("plugin test works in a database that is given, again and again") {
  Trial trial;
  trial.add(2);
  const auto config =
      trial.dir.write("h.toml", handler_toml("uneven.so", "uneven.publish", "offset")).string();
  const auto records = trial.dir.write("r.jsonl", trial.records).string();
  const auto database = trial.dir / "given.db";
  for (int round = 0; round < 2; ++round) {
    const auto done = program({"plugin", "test", faulty + "uneven.so", "--config", config, "--records",
                               records, "--ledger", "sqlite://" + database.string()});
    INFO(done.output);
    CHECK(done.status.code == 0);
    CHECK_THAT(done.output, contains("t/0@0  done"));
  }
  CHECK(fs::exists(database));
}

TEST_CASE("a thousand records go five ways") {
  Trial trial;
  trial.add(1000);
  const auto began = std::chrono::steady_clock::now();
  const auto done = trial.run_on(examples + "noop.so", "noop.record", "offset");
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  INFO(done.output);
  CHECK(done.status.code == 0);
  CHECK_THAT(done.output, contains("and 960 more"));
  CHECK(took < std::chrono::seconds(20));  // a tenth of a second on an idle machine
}
