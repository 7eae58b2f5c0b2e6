// The handler's SQL as it travels from plugin/ to store/: statements with typed parameters and rows coming back.
// Values own nothing: bytes are borrowed from whoever built the statement until the call returns.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "core/types.h"

namespace hostler::runtime {

// Same numbers as the plugin border (hostler/ext/sql.h).
enum class SqlType : std::uint32_t { null = 0, integer = 1, real = 2, text = 3, blob = 4, boolean = 5, uuid = 6, timestamp_us = 7, json = 8 };

struct SqlValue {
  SqlType type = SqlType::null;
  std::int64_t integer = 0;  // integer, boolean (0/1), timestamp_us (microseconds since 1970 UTC)
  double real = 0;
  core::Bytes bytes;         // text, blob, json: as is, NUL bytes intact; uuid: 16 bytes
};

struct SqlStatement {
  std::string_view sql;              // $1, $2, … in both dialects
  std::span<const SqlValue> params;
};

enum class SqlDialect : std::uint32_t { postgresql = 1, sqlite = 2 };

// One result row; return false to stop.
using SqlRow = std::function<bool(std::span<const SqlValue> columns)>;

}  // namespace hostler::runtime
