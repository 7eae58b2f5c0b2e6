// The files of `hostler plugin test`: records to deliver and verdicts to expect, JSON lines. Thread-safety: pure, but for the files.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/headers.h"
#include "core/result.h"
#include "core/types.h"

namespace hostler::cli {

struct TestRecord {
  core::TopicPartition where;
  std::int64_t offset = 0;
  std::optional<std::string> key, value; // empty: null
  std::vector<core::OwnedHeader> headers;
  std::int64_t timestamp_ms = 0;
};

// Where a record came from; how the two files and the report name it: "topic/partition@offset".
struct RecordPlace {
  core::TopicPartition where;
  std::int64_t offset = 0;
  auto operator<=>(const RecordPlace&) const = default;
};
[[nodiscard]] std::string to_text(const RecordPlace& place);

struct Expected {
  std::string verdict;
  std::optional<std::string> reason; // empty: any
};

// {"topic", "partition", "offset", "key", "value" or "value_base64", "headers", "timestamp"}: all but topic may be missing; an offset
// is then the one after its predecessor's. Errors name file:line.
[[nodiscard]] core::Result<std::vector<TestRecord>> read_records(const std::string& file);
// {"topic", "partition", "offset", "verdict", "reason"}.
[[nodiscard]] core::Result<std::map<RecordPlace, Expected>> read_expected(const std::string& file);

} // namespace hostler::cli
