#include "store/pg_text.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "store/time_text.h"
#include "store/uuid_text.h"

namespace hostler::store {
namespace {

using runtime::SqlType;
using runtime::SqlValue;

// From the server's catalog; fixed for ever.
enum : Oid { oid_bool = 16, oid_bytea = 17, oid_int8 = 20, oid_int2 = 21, oid_int4 = 23, oid_json = 114, oid_float4 = 700, oid_float8 = 701,
             oid_timestamp = 1114, oid_timestamptz = 1184, oid_uuid = 2950, oid_jsonb = 3802 };

void append_number(std::string& out, std::int64_t value) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, end);
}

void append_real(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
  } else {
    char buffer[40];
    out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
  }
}

}  // namespace

void ArrayLiteral::text(std::string_view value) {
  separate();
  out_ += '"';
  if (value.find_first_of("\"\\") == std::string_view::npos) {
    out_ += value;
  } else {
    for (const char c : value) {
      if (c == '"' || c == '\\') out_ += '\\';
      out_ += c;
    }
  }
  out_ += '"';
}

void ArrayLiteral::number(std::int64_t value) {
  separate();
  append_number(out_, value);
}

void ArrayLiteral::hex(std::string_view bytes) {
  separate();
  out_ += "\"\\\\x";  // "\\x…": the backslash is doubled within an array
  append_hexed(bytes, out_);
  out_ += '"';
}

void ArrayLiteral::null() {
  separate();
  out_ += "NULL";
}

std::optional<std::string> PgParams::refuse(std::span<const SqlValue> params) {
  for (std::size_t i = 0; i < params.size(); ++i) {
    const SqlValue& v = params[i];
    const auto name = [&] { return "parameter $" + std::to_string(i + 1); };
    switch (v.type) {
      case SqlType::text:
      case SqlType::json:
        if (v.bytes.size != 0 && std::memchr(v.bytes.data, 0, v.bytes.size) != nullptr)
          return name() + " is text with a NUL byte, which PostgreSQL does not store: use a blob";
        break;
      case SqlType::uuid:
        if (v.bytes.size != 16 && !uuid_bytes(v.bytes.view())) return name() + " is not a UUID: neither 16 bytes nor its text of 36 characters";
        break;
      case SqlType::timestamp_us:
        if (!writable_time(v.integer)) return name() + " is a time outside of the years 1 to 9999";
        break;
      default: break;
    }
  }
  return std::nullopt;
}

void PgParams::set(std::span<const SqlValue> params) {
  const std::size_t n = params.size();
  text_.clear();
  starts_.assign(n, std::string::npos);
  values_.assign(n, nullptr);
  lengths_.assign(n, 0);
  formats_.assign(n, 0);
  for (std::size_t i = 0; i < n; ++i) {
    const SqlValue& v = params[i];
    if (v.type == SqlType::null) continue;
    if (v.type == SqlType::blob) {
      values_[i] = v.bytes.data == nullptr ? "" : v.bytes.data;
      lengths_[i] = static_cast<int>(v.bytes.size);
      formats_[i] = 1;
      continue;
    }
    starts_[i] = text_.size();
    switch (v.type) {
      case SqlType::integer: append_number(text_, v.integer); break;
      case SqlType::boolean: text_ += v.integer != 0 ? 't' : 'f'; break;
      case SqlType::real: append_real(text_, v.real); break;
      case SqlType::timestamp_us: text_ += time_text(v.integer) + "+00"; break;
      case SqlType::uuid: text_ += v.bytes.size == 16 ? uuid_text(v.bytes.view()) : std::string(v.bytes.view()); break;
      default: text_ += v.bytes.view();
    }
    text_ += '\0';
  }
  for (std::size_t i = 0; i < n; ++i)
    if (starts_[i] != std::string::npos) values_[i] = text_.data() + starts_[i];
}

void PgRow::decode(std::size_t column, Oid type, std::string_view text) {
  SqlValue& v = columns_[column];
  v.type = SqlType::text;
  v.bytes = core::Bytes(text);
  switch (type) {
    case oid_bool:
      v.type = SqlType::boolean;
      v.integer = text == "t" ? 1 : 0;
      break;
    case oid_int2:
    case oid_int4:
    case oid_int8:
      v.type = SqlType::integer;
      std::from_chars(text.data(), text.data() + text.size(), v.integer);
      break;
    case oid_float4:
    case oid_float8:
      v.type = SqlType::real;
      std::from_chars(text.data(), text.data() + text.size(), v.real);  // reads "Infinity" and "NaN" too
      break;
    case oid_json:
    case oid_jsonb: v.type = SqlType::json; break;
    case oid_timestamp:
    case oid_timestamptz:
      if (const auto t = parse_time(text)) {
        v.type = SqlType::timestamp_us;
        v.integer = *t;
      }
      break;
    case oid_uuid:
      if (auto b = uuid_bytes(text)) {
        bytes_[column] = std::move(*b);
        v.type = SqlType::uuid;
        v.bytes = core::Bytes(std::string_view(bytes_[column]));
      }
      break;
    case oid_bytea:
      bytes_[column].clear();
      if (text.starts_with("\\x") && append_unhexed(text.substr(2), bytes_[column])) {
        v.type = SqlType::blob;
        v.bytes = core::Bytes(std::string_view(bytes_[column]));
      }
      break;
    default: break;
  }
}

std::span<const SqlValue> PgRow::read(const PGresult* result, int row) {
  const auto n = static_cast<std::size_t>(PQnfields(result));
  columns_.assign(n, SqlValue{});
  bytes_.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    const int column = static_cast<int>(i);
    if (PQgetisnull(result, row, column) != 0) continue;
    decode(i, PQftype(result, column), {PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column))});
  }
  return columns_;
}

}  // namespace hostler::store
