// sql.hpp - ctx.sql(): statements with typed parameters in the database that holds the ledger, atomic with
// the record.
//
// Part of the C++20 SDK; include <hostler/plugin.hpp>. Only inside a record or batch function, on its thread.
// Parameters live in an array on the stack: no heap allocation per value.
#pragma once

#include <hostler/ext/sql.h>
#include <hostler/services.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <concepts>
#include <exception>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace hostler {

enum class Dialect : std::uint32_t { postgresql = HOSTLER_SQL_POSTGRESQL, sqlite = HOSTLER_SQL_SQLITE };

// Text that is meant as another type. All borrow.
struct uuid {
  Bytes value; // the text of 36 characters, or 16 bytes
};
struct json {
  std::string_view text;
};
struct timestamp {
  std::chrono::sys_time<std::chrono::microseconds> time;
};

// A parameter. param(x) makes one of: nullptr, nullopt, bool, integers, floating point, text, Bytes (null
// becomes NULL), spans of bytes, time points of system_clock, uuid, json, timestamp, and std::optional of
// those.
using Param = hostler_sql_value;

namespace detail {
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_sys_time : std::false_type {};
template <class D>
struct is_sys_time<std::chrono::sys_time<D>> : std::true_type {};
template <class T>
concept CharLike = std::same_as<T, char> || std::same_as<T, wchar_t> || std::same_as<T, char8_t> ||
    std::same_as<T, char16_t> || std::same_as<T, char32_t>;
template <class T>
concept ByteSpan = std::convertible_to<const T&, std::span<const std::byte>> ||
    std::convertible_to<const T&, std::span<const std::uint8_t>>;
template <class>
inline constexpr bool never = false;

inline Param int_param(std::uint32_t type, std::int64_t i) noexcept {
  Param p{};
  p.as.i = i;
  p.type = type;
  return p;
}
inline Param bytes_param(std::uint32_t type, Bytes bytes) noexcept {
  Param p{};
  if (bytes.is_null()) return p;
  p.as.b = bytes.c();
  p.type = type;
  return p;
}
} // namespace detail

template <class T>
[[nodiscard]] Param param(const T& x) {
  using V = std::remove_cvref_t<T>;
  if constexpr (std::same_as<V, Param>) {
    return x;
  } else if constexpr (std::same_as<V, std::nullptr_t> || std::same_as<V, std::nullopt_t>) {
    return Param{};
  } else if constexpr (detail::is_optional<V>::value) {
    return x.has_value() ? param(*x) : Param{};
  } else if constexpr (std::same_as<V, bool>) {
    return detail::int_param(HOSTLER_SQL_BOOL, x ? 1 : 0);
  } else if constexpr (std::integral<V> && !detail::CharLike<V>) {
    if (!std::in_range<std::int64_t>(x)) throw Error("SQL integer above 9223372036854775807");
    return detail::int_param(HOSTLER_SQL_INT, static_cast<std::int64_t>(x));
  } else if constexpr (std::floating_point<V>) {
    Param p{};
    p.as.r = static_cast<double>(x);
    p.type = HOSTLER_SQL_REAL;
    return p;
  } else if constexpr (std::same_as<V, uuid>) {
    return detail::bytes_param(HOSTLER_SQL_UUID, x.value);
  } else if constexpr (std::same_as<V, json>) {
    return detail::bytes_param(HOSTLER_SQL_JSON, Bytes(x.text));
  } else if constexpr (std::same_as<V, timestamp>) {
    return detail::int_param(HOSTLER_SQL_TIMESTAMP_US, x.time.time_since_epoch().count());
  } else if constexpr (detail::is_sys_time<V>::value) {
    return param(timestamp{std::chrono::floor<std::chrono::microseconds>(x)});
  } else if constexpr (std::same_as<V, Bytes>) {
    return detail::bytes_param(HOSTLER_SQL_BLOB, x);
  } else if constexpr (std::is_pointer_v<V> && std::convertible_to<V, const char*>) {
    return x == nullptr ? Param{} : detail::bytes_param(HOSTLER_SQL_TEXT, Bytes(std::string_view(x)));
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    return detail::bytes_param(HOSTLER_SQL_TEXT, Bytes(std::string_view(x)));
  } else if constexpr (detail::ByteSpan<T>) {
    return detail::bytes_param(HOSTLER_SQL_BLOB, Bytes(x));
  } else {
    static_assert(detail::never<T>,
                  "this type is no SQL parameter: convert it to an integer, double, bool, text, Bytes, ...");
  }
}

// One row of a result; valid while its callback runs.
class Row {
 public:
  Row(const hostler_sql_value* columns, std::uint32_t count) noexcept : columns_(columns, count) {}
  [[nodiscard]] std::size_t size() const noexcept { return columns_.size(); }
  [[nodiscard]] bool is_null(std::size_t i) const { return at(i).type == HOSTLER_SQL_NULL; }

  // Column i (from 0) as bool, an integer, double, std::string_view, std::string, Bytes, or std::optional of
  // those. Numbers that the database sends as text are converted. Throws Error when it does not fit; NULL
  // fits std::optional and Bytes only.
  template <class T>
  [[nodiscard]] T get(std::size_t i) const {
    const hostler_sql_value& v = at(i);
    if constexpr (detail::is_optional<T>::value) {
      if (v.type == HOSTLER_SQL_NULL) return std::nullopt;
      return get<typename T::value_type>(i);
    } else if constexpr (std::same_as<T, Bytes>) {
      if (v.type == HOSTLER_SQL_NULL) return {};
      return Bytes(text(v, i));
    } else if constexpr (std::same_as<T, std::string_view> || std::same_as<T, std::string>) {
      return T(text(v, i));
    } else {
      static_assert(std::is_arithmetic_v<T> && !detail::CharLike<T>, "a column cannot be read as this type");
      return number<T>(v, i);
    }
  }

 private:
  [[nodiscard]] const hostler_sql_value& at(std::size_t i) const {
    if (i >= columns_.size()) fail(i, "does not exist");
    return columns_[i];
  }
  [[nodiscard]] static bool is_int(const hostler_sql_value& v) noexcept {
    return v.type == HOSTLER_SQL_INT || v.type == HOSTLER_SQL_BOOL || v.type == HOSTLER_SQL_TIMESTAMP_US;
  }
  [[nodiscard]] static std::string_view text(const hostler_sql_value& v, std::size_t i) {
    if (v.type == HOSTLER_SQL_NULL) fail(i, "is NULL: read it as std::optional");
    if (is_int(v) || v.type == HOSTLER_SQL_REAL) fail(i, "is a number: read it as one");
    return Bytes(v.as.b).text();
  }
  template <class T>
  [[nodiscard]] static T number(const hostler_sql_value& v, std::size_t i) {
    if (is_int(v)) {
      if constexpr (std::same_as<T, bool>)
        return v.as.i != 0;
      else if constexpr (std::integral<T>) {
        if (!std::in_range<T>(v.as.i)) fail(i, "does not fit the integer type");
      }
      return static_cast<T>(v.as.i);
    }
    if constexpr (std::floating_point<T>) {
      if (v.type == HOSTLER_SQL_REAL) return static_cast<T>(v.as.r);
    }
    const std::string_view chars = v.type == HOSTLER_SQL_REAL ? std::string_view() : text(v, i);
    if constexpr (std::same_as<T, bool>) {
      if (chars == "t" || chars == "true" || chars == "1") return true;
      if (chars == "f" || chars == "false" || chars == "0") return false;
    } else {
      T number{};
      const auto [end, error] = std::from_chars(chars.data(), chars.data() + chars.size(), number);
      if (error == std::errc() && end == chars.data() + chars.size() && !chars.empty()) return number;
    }
    fail(i, "is not of the type it is read as");
  }
  [[noreturn]] static void fail(std::size_t i, const char* what) {
    throw Error(std::string("SQL result: column ").append(std::to_string(i)).append(" ").append(what));
  }
  std::span<const hostler_sql_value> columns_;
};

// Flags of query: read promises that the statement changes nothing; write makes no promise.
using QueryFlags = std::uint32_t;
inline constexpr QueryFlags read = HOSTLER_SQL_READ;
inline constexpr QueryFlags write = 0;

// The SQL service for one record. Throws Error when the host refuses; a BatchError when the transaction is
// lost.
class Sql {
 public:
  Sql(const detail::Services& services, void* host_batch, std::uint32_t record)
      : services_(&services), host_batch_(host_batch), record_(record) {
    if (services.sql == nullptr)
      services.missing(HOSTLER_EXT_SQL, "ctx.sql()", ": configure a [ledger] for it");
  }
  [[nodiscard]] Dialect dialect() const noexcept { return static_cast<Dialect>(services_->sql->dialect); }

  // Keeps a statement with its record: sent, pipelined, only if the record's verdict is done. Copies
  // everything.
  //   ctx.sql().enqueue("INSERT INTO users(id, name) VALUES ($1, $2)", id, name);
  template <class... Args>
  void enqueue(std::string_view sql, const Args&... args) const {
    const std::array<Param, sizeof...(Args)> params{param(args)...};
    enqueue_params(sql, params);
  }
  // The same for a number of parameters that is not known at compile time.
  void enqueue_params(std::string_view sql, std::span<const Param> params) const {
    detail::check(services_->sql->enqueue(services_->host, host_batch_, record_, detail::str(sql),
                                          params.data(), static_cast<std::uint32_t>(params.size())),
                  "sql.enqueue");
  }

  // Runs now, in the batch's transaction; answers the number of rows seen. The last argument may be a
  // function of a const Row&; when it returns bool, false ends the rows. A failed statement loses the
  // transaction: BatchError.
  //   ctx.sql().query(hostler::read, "SELECT name FROM users WHERE id = $1", id, [&](const hostler::Row& row)
  //   { ... });
  template <class... Args>
  std::size_t query(QueryFlags flags, std::string_view sql, const Args&... args) const {
    const auto all = std::forward_as_tuple(args...);
    if constexpr (takes_rows<Args...>()) {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        const std::array<Param, sizeof...(I)> params{param(std::get<I>(all))...};
        return run(flags, sql, params, std::get<sizeof...(I)>(all));
      }
      (std::make_index_sequence<sizeof...(Args) - 1>());
    } else {
      const std::array<Param, sizeof...(Args)> params{param(args)...};
      return run(flags, sql, params, [](const Row&) {});
    }
  }

 private:
  template <class... Args>
  static constexpr bool takes_rows() {
    if constexpr (sizeof...(Args) == 0)
      return false;
    else
      return std::invocable<const std::tuple_element_t<sizeof...(Args) - 1, std::tuple<Args...>>&,
                            const Row&>;
  }

  template <class OnRow>
  struct Visit {
    const OnRow& on_row;
    std::size_t rows = 0;
    bool stopped = false;
    std::exception_ptr thrown;

    // No exception may pass through the host: it is kept, and thrown again when query is back.
    static hostler_status call(void* self, const hostler_sql_value* columns, std::uint32_t count) noexcept {
      auto& visit = *static_cast<Visit*>(self);
      try {
        ++visit.rows;
        if constexpr (std::is_convertible_v<std::invoke_result_t<const OnRow&, const Row&>, bool>)
          visit.stopped = !visit.on_row(Row(columns, count));
        else
          visit.on_row(Row(columns, count));
      } catch (...) {
        visit.thrown = std::current_exception();
        visit.stopped = true;
      }
      return visit.stopped ? HOSTLER_E_CANCELLED : HOSTLER_OK;
    }
  };

  template <class OnRow>
  std::size_t run(QueryFlags flags, std::string_view sql, std::span<const Param> params,
                  const OnRow& on_row) const {
    Visit<OnRow> visit{on_row, 0, false, nullptr};
    hostler_error error{};
    error.struct_size = sizeof error;
    const hostler_status status =
        services_->sql->query(services_->host, host_batch_, record_, flags, detail::str(sql), params.data(),
                              static_cast<std::uint32_t>(params.size()), &Visit<OnRow>::call, &visit, &error);
    if (visit.thrown) std::rethrow_exception(visit.thrown);
    if (status == HOSTLER_OK || visit.stopped) return visit.rows;
    // the database's transaction is lost for the whole batch, not for this record alone
    if (status == HOSTLER_E_FAILED)
      throw BatchError(status, std::string("sql.query: ").append(error.message), error.code);
    detail::check(status, "sql.query", error.message, error.code);
    return 0;
  }

  const detail::Services* services_;
  void* host_batch_;
  std::uint32_t record_;
};

} // namespace hostler
