// PostgreSQL's text formats: array literals for unnest, parameters of handlers' statements, columns coming back. Private to store/.
// Thread-safety: values; one thread each.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sql.h"

namespace hostler::store {

// Builds '{"a","b\"c",NULL}' element by element. Any text without NUL is safe in it.
class ArrayLiteral {
 public:
  // Writes into `out`, which is cleared; it is complete after close().
  explicit ArrayLiteral(std::string& out) : out_(out) { out_.assign(1, '{'); }
  void text(std::string_view value);
  void number(std::int64_t value);
  void hex(std::string_view bytes);  // of a bytea[]
  void null();
  void close() { out_ += '}'; }

 private:
  void separate() {
    if (out_.size() > 1) out_ += ',';
  }
  std::string& out_;
};

// The parameters of one statement as libpq wants them. Types are left to the server; text format, binary for blobs.
class PgParams {
 public:
  // Why a parameter cannot be sent (a NUL byte in text, a time out of range); empty if all can. The words name its number, never its value.
  [[nodiscard]] static std::optional<std::string> refuse(std::span<const runtime::SqlValue> params);
  // Precondition: refuse() found nothing. Valid until the next set() or the end of the borrowed bytes.
  void set(std::span<const runtime::SqlValue> params);

  [[nodiscard]] int size() const { return static_cast<int>(values_.size()); }
  [[nodiscard]] const char* const* values() const { return values_.data(); }
  [[nodiscard]] const int* lengths() const { return lengths_.data(); }
  [[nodiscard]] const int* formats() const { return formats_.data(); }

 private:
  std::string text_;
  std::vector<std::size_t> starts_;
  std::vector<const char*> values_;
  std::vector<int> lengths_, formats_;
};

// Columns of a result in text format, as the nearest type the border knows. Valid until the next read().
class PgRow {
 public:
  std::span<const runtime::SqlValue> read(const PGresult* result, int row);

 private:
  void decode(std::size_t column, Oid type, std::string_view text);
  std::vector<runtime::SqlValue> columns_;
  std::vector<std::string> bytes_;  // of bytea and uuid
};

}  // namespace hostler::store
