// record.hpp - what a handler reads and answers: Bytes, Record, Verdict, and the errors it may throw.
//
// Part of the C++20 SDK; include <hostler/plugin.hpp>. Record and Bytes are views into the host's memory,
// valid until the call that received them returns. Values: use them from the thread of that call.
#pragma once

#include <hostler/record.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace hostler {

// A point in time, UTC, milliseconds: what Kafka's timestamps are.
using Time = std::chrono::sys_time<std::chrono::milliseconds>;

// Borrowed bytes that may be null: Kafka's null (no key; a tombstone) differs from empty.
class Bytes {
 public:
  // NOLINTBEGIN(google-explicit-constructor): whatever holds bytes passes as Bytes; none of them owns
  constexpr Bytes() noexcept = default; // null
  constexpr Bytes(std::nullptr_t) noexcept {}
  constexpr Bytes(hostler_bytes bytes) noexcept : bytes_(bytes) {}
  Bytes(std::string_view text) noexcept
      : bytes_{reinterpret_cast<const std::uint8_t*>(text.data() != nullptr ? text.data() : ""),
               text.size()} {}
  Bytes(const char* text) noexcept : Bytes(text != nullptr ? Bytes(std::string_view(text)) : Bytes()) {}
  Bytes(const std::string& text) noexcept : Bytes(std::string_view(text)) {}
  Bytes(std::span<const std::byte> bytes) noexcept
      : Bytes(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())) {}
  Bytes(std::span<const std::uint8_t> bytes) noexcept
      : Bytes(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] constexpr bool is_null() const noexcept { return bytes_.data == nullptr; }
  [[nodiscard]] constexpr bool empty() const noexcept { return bytes_.len == 0; } // also when null
  [[nodiscard]] constexpr std::size_t size() const noexcept { return bytes_.len; }
  [[nodiscard]] constexpr const std::uint8_t* data() const noexcept { return bytes_.data; }

  // The bytes as text, unchecked; empty when null.
  [[nodiscard]] std::string_view text() const noexcept {
    return is_null() ? std::string_view()
                     : std::string_view(reinterpret_cast<const char*>(bytes_.data), bytes_.len);
  }
  // The same, but nullopt when null: as an SQL parameter this is NULL.
  [[nodiscard]] std::optional<std::string_view> nullable_text() const noexcept {
    return is_null() ? std::nullopt : std::optional(text());
  }
  [[nodiscard]] constexpr hostler_bytes c() const noexcept { return bytes_; }

 private:
  hostler_bytes bytes_{nullptr, 0};
};

namespace detail {
[[nodiscard]] inline std::string_view view(hostler_str text) noexcept {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, text.len);
}
[[nodiscard]] constexpr hostler_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }
} // namespace detail

// One Kafka record, as its first topic held it, wherever it was delivered from. A view; copying it copies a
// pointer.
class Record {
 public:
  explicit Record(const hostler_record& record) noexcept : record_(&record) {}

  [[nodiscard]] Bytes key() const noexcept { return record_->key; }
  [[nodiscard]] Bytes value() const noexcept { return record_->value; }
  [[nodiscard]] bool is_tombstone() const noexcept { return value().is_null(); }
  [[nodiscard]] std::string_view topic() const noexcept {
    return detail::view(record_->topic);
  } // never a retry topic
  [[nodiscard]] std::int32_t partition() const noexcept { return record_->partition; }
  [[nodiscard]] std::int64_t offset() const noexcept { return record_->offset; }
  [[nodiscard]] std::uint32_t attempt() const noexcept { return record_->attempt; } // 1 on first delivery
  [[nodiscard]] Time timestamp() const noexcept {
    return Time(std::chrono::milliseconds(record_->timestamp_ms));
  }
  [[nodiscard]] bool has_timestamp() const noexcept {
    return record_->timestamp_type != HOSTLER_TIMESTAMP_NONE;
  }
  [[nodiscard]] Time first_seen() const noexcept {
    return Time(std::chrono::milliseconds(record_->first_seen_ms));
  }
  // The idempotency key; for effects the host cannot see (HTTP), send it along.
  [[nodiscard]] std::string_view event_id() const noexcept { return detail::view(record_->event_id); }
  [[nodiscard]] std::string_view event_type() const noexcept { return detail::view(record_->event_type); }
  [[nodiscard]] const hostler_record& c() const noexcept { return *record_; }

 private:
  const hostler_record* record_;
};

// Why a record was not done; kept out of Verdict so that done() is one byte and a null pointer.
struct Explanation {
  std::string reason;
  std::string detail;
  std::int32_t code = 0;
  std::int64_t not_before_ms = 0;
};

// A handler's answer for one record. Made by done(), retry(), reject(), drop().
class [[nodiscard]] Verdict {
 public:
  explicit Verdict(std::uint8_t value) noexcept : value_(value) {}
  Verdict(std::uint8_t value, std::string_view reason, std::int32_t code)
      : explanation_(std::make_unique<Explanation>(Explanation{std::string(reason), {}, code, 0})),
        value_(value) {}

  // Adds what helps who looks at the dead letter: several lines, what a handler has instead of a stack.
  Verdict&& detail(std::string_view text) && {
    explain().detail = text;
    return std::move(*this);
  }
  // With retry: not before this time; rounded up to the next retry tier.
  Verdict&& not_before(Time time) && {
    explain().not_before_ms = time.time_since_epoch().count();
    return std::move(*this);
  }

  [[nodiscard]] std::uint8_t value() const noexcept { return value_; }
  [[nodiscard]] const Explanation* explanation() const noexcept { return explanation_.get(); }

 private:
  Explanation& explain() {
    if (!explanation_) explanation_ = std::make_unique<Explanation>();
    return *explanation_;
  }
  std::unique_ptr<Explanation> explanation_;
  std::uint8_t value_;
};

// Handled: its enqueued SQL and published messages become real.
inline Verdict done() noexcept { return Verdict(HOSTLER_DONE); }
// Did not work now, may work later: the next retry tier, the dead letters after the last one.
inline Verdict retry(std::string_view reason, std::int32_t code = 0) { return {HOSTLER_RETRY, reason, code}; }
// Never will work: to the dead letters now.
inline Verdict reject(std::string_view reason, std::int32_t code = 0) {
  return {HOSTLER_REJECT, reason, code};
}
// Not wanted: forgotten, with a log line and a counter.
inline Verdict drop(std::string_view reason, std::int32_t code = 0) { return {HOSTLER_DROP, reason, code}; }

// An error with the handler's own code. Like any exception: thrown for a record it means retry, thrown by a
// batch handler the batch failed, thrown by a constructor the configuration is wrong.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, std::int32_t code = 0)
      : std::runtime_error(message), code_(code) {}
  [[nodiscard]] std::int32_t code() const noexcept { return code_; }

 private:
  std::int32_t code_;
};

// An error that is not one record's: it ends the whole batch with its status, whoever throws it.
class BatchError : public Error {
 public:
  BatchError(hostler_status status, const std::string& message, std::int32_t code = 0)
      : Error(message, code), status_(status) {}
  [[nodiscard]] hostler_status status() const noexcept { return status_; }

 private:
  hostler_status status_;
};

// Something the handler needs is down (not the record's fault): the host pauses intake and spends no attempt.
class Unavailable : public BatchError {
 public:
  explicit Unavailable(const std::string& message, std::int32_t code = 0)
      : BatchError(HOSTLER_E_UNAVAILABLE, message, code) {}
};

// The handler saw that its time is over and gave up.
class Cancelled : public BatchError {
 public:
  explicit Cancelled(const std::string& message) : BatchError(HOSTLER_E_CANCELLED, message) {}
};

} // namespace hostler
