// The only codec of the headers that copies and dead letters carry. Reading is strict and bounded: what a stranger writes
// into a retry topic is either believed whole or not at all. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/disposition.h"
#include "core/host_config.h"
#include "core/record.h"
#include "core/result.h"
#include "core/types.h"

namespace hostler::core {

struct OwnedHeader {
  std::string name;
  std::optional<std::string> value;  // empty: null
};

namespace header {
inline constexpr std::string_view prefix = "hostler-";
inline constexpr std::string_view format = "hostler-format";
inline constexpr std::string_view origin_topic = "hostler-origin-topic";
inline constexpr std::string_view origin_topic_id = "hostler-origin-topic-id";
inline constexpr std::string_view origin_partition = "hostler-origin-partition";
inline constexpr std::string_view origin_offset = "hostler-origin-offset";
inline constexpr std::string_view origin_timestamp = "hostler-origin-timestamp";
inline constexpr std::string_view handler = "hostler-handler";
inline constexpr std::string_view group = "hostler-group";
inline constexpr std::string_view attempt = "hostler-attempt";
inline constexpr std::string_view first_seen = "hostler-first-seen";
inline constexpr std::string_view step = "hostler-step";
inline constexpr std::string_view replay = "hostler-replay";
inline constexpr std::string_view due = "hostler-due";
inline constexpr std::string_view event_id = "hostler-event-id";
inline constexpr std::string_view reason = "hostler-reason";
inline constexpr std::string_view error_code = "hostler-error-code";
inline constexpr std::string_view error_message = "hostler-error-message";
inline constexpr std::string_view error_detail = "hostler-error-detail";
inline constexpr std::string_view failed_at = "hostler-failed-at";
}  // namespace header

// What a copy says of itself. The ledger's row wins over step, attempt and first_seen.
struct CopyHeaders {
  std::string_view origin_topic, handler, group, event_id;
  std::int32_t topic_id = 0;
  Partition partition;
  Offset offset;
  Timestamp timestamp{}, first_seen{};
  Attempt attempt;
  Step step;
  bool replay = false;
};

// Strict: every mandatory header exactly once, decimal and in range, format 1. The views borrow from `headers`.
[[nodiscard]] Result<CopyHeaders> read_copy_headers(std::span<const HeaderView> headers);

// Longest error message and detail that go into a header, in bytes; longer texts are cut at a character boundary.
inline constexpr std::size_t max_error_message = 1024;
inline constexpr std::size_t max_error_detail = 8192;

// How much of a dead letter's optional parts is kept; letters that are too large lose them in this order.
enum class LetterSize : std::uint8_t { full, no_foreign_headers, no_error_text };

// Headers of a retry copy or (disposition dead) a dead letter: the record's own headers byte for byte, without any that begin with
// `hostler-`, then ours. `detail` may be null.
[[nodiscard]] std::vector<OwnedHeader> copy_headers(const Record& record, std::span<const HeaderView> own, const Disposition& disposition,
                                                    const HandlerConfig& handler, const VerdictDetail* detail, Timestamp now,
                                                    LetterSize size = LetterSize::full);

// ISO 8601 in UTC with milliseconds: 2026-01-31T10:00:00.000Z
[[nodiscard]] std::string iso_time(Timestamp t);

// At most `limit` bytes of `text`, cut between UTF-8 characters.
[[nodiscard]] std::string_view cut_text(std::string_view text, std::size_t limit);

}  // namespace hostler::core
