// The JSON Schema in conf/ is the program's own, and says of a file what the program says, as far as a schema can.
#include <toml++/toml.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "config/json_schema.h"
#include "config_text.h"
#include "support/catch.h"
#include "support/file.h"

using namespace hostler;
using namespace hostler::testing;
namespace fs = std::filesystem;

namespace {

const fs::path folder = fs::path(HOSTLER_SOURCE_DIR) / "conf";

// The first thing that the schema has against a TOML text; empty if nothing.
std::string objection(const std::string& toml) {
  std::ostringstream json;
  json << toml::json_formatter(toml::parse(toml));
  const nlohmann::json document = nlohmann::json::parse(json.str());
  const nlohmann::json rules = nlohmann::json::parse(config::json_schema());
  valijson::Schema schema;
  valijson::SchemaParser parser;
  parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(rules), schema);
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (validator.validate(schema, valijson::adapters::NlohmannJsonAdapter(document), &results)) return {};
  std::string all;
  for (valijson::ValidationResults::Error error; results.popError(error);) {
    for (const std::string& part : error.context) all += part;
    all += ": " + error.description + "\n";
  }
  return all;
}

std::string uncommented(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    out += (std::regex_search(line, std::regex(R"(^# (\[|[a-z_"]+[a-z_."]* = ))")) ? line.substr(2) : line) + "\n";
  return out;
}

} // namespace

TEST_CASE("conf/hostler.schema.json is what the program prints") {
  // If not: hostler check --schema > conf/hostler.schema.json
  CHECK(text_of(folder / "hostler.schema.json") == config::json_schema());
}

TEST_CASE("the files in conf/ are valid under the schema, also with every key stated") {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") continue;
    INFO(entry.path());
    CHECK(objection(text_of(entry.path())).empty());
  }
  CHECK(objection(uncommented(text_of(folder / "hostler.toml"))).empty());
  CHECK(objection(minimal).empty());
}

TEST_CASE("the schema refuses what the program refuses") {
  for (const char* const line :
       {"lanes = 0", "lanes = 257", "lanes = \"2\"", "timeout = 30", "timeout = \"30\"", "enabled = 1", "nope = 1",
        "batch = { max_record = 1 }", "on_missing_id = \"x\"", "breaker = { failure_rate = 1.5 }", "breaker = 3",
        "concurrency = { by = \"key\" }", "cluster = \"\""}) {
    const std::string toml = with("event_id = \"json:/eventId\"", "event_id = \"json:/eventId\"\n" + std::string(line));
    INFO(line);
    CHECK_FALSE(objection(toml).empty());
    CHECK_FALSE(errors_of(toml).empty());
  }
  CHECK_FALSE(objection("[kafak]\n" + minimal).empty());
  CHECK_FALSE(objection(with("topics = [\"user-events\"]\n", "")).empty());
  CHECK_FALSE(objection("[ledgers.x]\nmax_sessions = 1\n" + minimal).empty());
  CHECK_FALSE(objection("[ledgers.\"a b\"]\nurl = \"x\"\n" + minimal).empty());
  CHECK_FALSE(objection("[host]\nmemory = \"1X\"\n" + minimal).empty());
}

TEST_CASE("the schema lets values from outside through") {
  CHECK(objection(with("\"earliest\"", "\"${env:START}\"") + "timeout = \"${env:T}\"\n").empty());
}
