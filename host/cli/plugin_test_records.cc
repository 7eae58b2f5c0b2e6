#include "cli/plugin_test_records.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string_view>

namespace hostler::cli {
namespace {

using Json = nlohmann::json;

struct LineError {
  std::string what;
};

void known_keys_only(const Json& object, std::initializer_list<std::string_view> known) {
  if (!object.is_object()) throw LineError{"is no JSON object"};
  for (const auto& [key, value] : object.items()) {
    bool found = false;
    std::string all;
    for (const std::string_view name : known) {
      found = found || key == name;
      all += (all.empty() ? "" : ", ") + std::string(name);
    }
    if (!found) throw LineError{"has the unknown key '" + key + "'; there are " + all};
  }
}

std::int64_t number(const Json& object, const char* key, std::int64_t otherwise) {
  const auto found = object.find(key);
  if (found == object.end()) return otherwise;
  if (!found->is_number_integer() || found->get<std::int64_t>() < 0)
    throw LineError{"'" + std::string(key) + "' must be a whole number, 0 or more"};
  return found->get<std::int64_t>();
}

std::optional<std::string> text(const Json& value, const std::string& what) {
  if (value.is_null()) return std::nullopt;
  if (!value.is_string()) throw LineError{what + " must be a string or null"};
  return value.get<std::string>();
}

std::string from_base64(const std::string& in) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t size = in.size() - (in.ends_with("==") ? 2 : in.ends_with("=") ? 1 : 0);
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const auto digit = digits.find(in[i]);
    if (digit == std::string_view::npos || in.size() % 4 != 0)
      throw LineError{"'value_base64' is no base64 (RFC 4648, with padding)"};
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out;
}

RecordPlace place_of(const Json& object, std::int64_t next_offset) {
  const auto topic = object.find("topic");
  if (topic == object.end() || !topic->is_string()) throw LineError{"needs 'topic', a string"};
  constexpr std::int64_t most_partitions = 1'000'000;
  const auto partition = number(object, "partition", 0);
  if (partition > most_partitions) throw LineError{"'partition' is beyond 1000000"};
  return {{topic->get<std::string>(), core::Partition{static_cast<std::int32_t>(partition)}},
          number(object, "offset", next_offset)};
}

// Calls `take` for each line that is not empty.
core::Status<> each_line(const std::string& file, const std::function<void(const Json&)>& take) {
  std::ifstream in(file);
  if (!in) return core::Error{file + ": cannot be read; is it there?"};
  std::string line;
  for (int at = 1; std::getline(in, line); ++at) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string where = file + ":" + std::to_string(at) + ": ";
    try {
      take(Json::parse(line));
    } catch (const Json::exception& error) {
      return core::Error{where + "is no JSON: " + error.what()};
    } catch (const LineError& error) { return core::Error{where + error.what}; }
  }
  return core::Status<>::success();
}

} // namespace

std::string to_text(const RecordPlace& place) {
  return place.where.topic + "/" + std::to_string(place.where.partition.value) + "@" +
         std::to_string(place.offset);
}

core::Result<std::vector<TestRecord>> read_records(const std::string& file) {
  std::vector<TestRecord> records;
  std::map<core::TopicPartition, std::int64_t> next;
  const auto read = each_line(file, [&](const Json& line) {
    known_keys_only(line,
                    {"topic", "partition", "offset", "key", "value", "value_base64", "headers", "timestamp"});
    TestRecord record;
    auto place = place_of(line, -1);
    auto& expected = next[place.where];
    if (place.offset < 0) place.offset = expected;
    if (place.offset < expected) throw LineError{"'offset' is not above the one before it in its partition"};
    expected = place.offset + 1;
    record.where = place.where;
    record.offset = place.offset;
    if (line.contains("key")) record.key = text(line["key"], "'key'");
    if (line.contains("value") && line.contains("value_base64"))
      throw LineError{"has both 'value' and 'value_base64'; one is enough"};
    if (line.contains("value")) record.value = text(line["value"], "'value'");
    if (line.contains("value_base64"))
      record.value = from_base64(text(line["value_base64"], "'value_base64'").value_or(""));
    record.timestamp_ms = number(line, "timestamp", 1'700'000'000'000 + place.offset);
    if (line.contains("headers")) {
      if (!line["headers"].is_object()) throw LineError{"'headers' must be an object of strings"};
      for (const auto& [name, value] : line["headers"].items())
        record.headers.push_back({name, text(value, "header '" + name + "'")});
    }
    records.push_back(std::move(record));
  });
  if (!read) return read.error();
  if (records.empty()) return core::Error{file + ": has no records; give it one JSON object per line"};
  return records;
}

core::Result<std::map<RecordPlace, Expected>> read_expected(const std::string& file) {
  constexpr std::array<std::string_view, 7> verdicts = {"done",      "retry",    "reject", "drop",
                                                        "duplicate", "filtered", "invalid"};
  std::map<RecordPlace, Expected> all;
  const auto read = each_line(file, [&](const Json& line) {
    known_keys_only(line, {"topic", "partition", "offset", "verdict", "reason"});
    Expected expected;
    if (line.contains("verdict")) expected.verdict = text(line["verdict"], "'verdict'").value_or("");
    if (std::find(verdicts.begin(), verdicts.end(), expected.verdict) == verdicts.end())
      throw LineError{"needs 'verdict': done, retry, reject, drop, duplicate, filtered or invalid"};
    if (line.contains("reason")) expected.reason = text(line["reason"], "'reason'");
    if (!all.emplace(place_of(line, 0), std::move(expected)).second)
      throw LineError{"names a record for the second time"};
  });
  if (!read) return read.error();
  return all;
}

} // namespace hostler::cli
