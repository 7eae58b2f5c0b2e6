#include "core/headers.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <limits>

namespace hostler::core {
namespace {

constexpr std::string_view format_version = "1";
constexpr std::int64_t max_steps = 1'000'000;  // more than any retry policy and patience allows

Error bad(std::string_view name, std::string_view what) { return {"header " + std::string(name) + ": " + std::string(what)}; }

std::optional<std::int64_t> decimal(std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high) return std::nullopt;
  return value;
}

struct Field {
  std::string_view name;
  bool mandatory;
  std::optional<std::string_view> text = std::nullopt;
};

}  // namespace

Result<CopyHeaders> read_copy_headers(std::span<const HeaderView> headers) {
  enum { format, topic, topic_id, partition, offset, timestamp, handler, group, attempt, first_seen, step, replay, event_id, count };
  std::array<Field, count> fields = {{{header::format, true},
                                      {header::origin_topic, true},
                                      {header::origin_topic_id, true},
                                      {header::origin_partition, true},
                                      {header::origin_offset, true},
                                      {header::origin_timestamp, true},
                                      {header::handler, true},
                                      {header::group, true},
                                      {header::attempt, true},
                                      {header::first_seen, true},
                                      {header::step, true},
                                      {header::replay, false},
                                      {header::event_id, false}}};
  for (const auto& h : headers) {
    for (auto& field : fields) {
      if (h.name != field.name) continue;
      if (h.value.is_null()) return bad(h.name, "is null");
      if (field.text) return bad(h.name, "appears twice");
      field.text = h.value.view();
    }
  }
  for (const auto& field : fields) {
    if (field.mandatory && !field.text) return bad(field.name, "is missing");
  }
  if (*fields[format].text != format_version) return bad(header::format, "is not a format this host knows (1)");

  CopyHeaders out;
  out.origin_topic = *fields[topic].text;
  out.handler = *fields[handler].text;
  out.group = *fields[group].text;
  if (out.origin_topic.empty() || out.origin_topic.size() > 249) return bad(header::origin_topic, "is not a topic name");
  if (fields[event_id].text) out.event_id = *fields[event_id].text;
  if (out.event_id.size() > 255) return bad(header::event_id, "is longer than 255 bytes");
  if (fields[replay].text) {
    if (*fields[replay].text != "1") return bad(header::replay, "is not 1");
    out.replay = true;
  }

  constexpr auto max64 = std::numeric_limits<std::int64_t>::max();
  constexpr auto max32 = std::numeric_limits<std::int32_t>::max();
  constexpr std::int64_t latest = 253402300799999;  // 9999-12-31
  const auto id = decimal(*fields[topic_id].text, 0, max32);
  const auto part = decimal(*fields[partition].text, 0, max32);
  const auto off = decimal(*fields[offset].text, 0, max64 - 1);
  const auto stamp = decimal(*fields[timestamp].text, -1, latest);
  const auto seen = decimal(*fields[first_seen].text, 0, latest);
  const auto tries = decimal(*fields[attempt].text, 1, max_steps);
  const auto steps = decimal(*fields[step].text, 1, max_steps);
  if (!id) return bad(header::origin_topic_id, "is not a number in range");
  if (!part) return bad(header::origin_partition, "is not a partition");
  if (!off) return bad(header::origin_offset, "is not an offset");
  if (!stamp) return bad(header::origin_timestamp, "is not a time in milliseconds");
  if (!seen) return bad(header::first_seen, "is not a time in milliseconds");
  if (!tries) return bad(header::attempt, "is not a number from 1 on");
  if (!steps) return bad(header::step, "is not a number from 1 on");
  out.topic_id = static_cast<std::int32_t>(*id);
  out.partition = Partition{static_cast<std::int32_t>(*part)};
  out.offset = Offset{*off};
  out.timestamp = from_epoch_ms(*stamp);
  out.first_seen = from_epoch_ms(*seen);
  out.attempt = Attempt{static_cast<std::uint32_t>(*tries)};
  out.step = Step{static_cast<std::uint32_t>(*steps)};
  return out;
}

std::vector<OwnedHeader> copy_headers(const Record& record, std::span<const HeaderView> own, const Disposition& disposition, const HandlerConfig& handler,
                                      const VerdictDetail* detail, Timestamp now, LetterSize size) {
  std::vector<OwnedHeader> out;
  out.reserve(own.size() + 20);
  const auto add = [&](std::string_view name, std::string value) { out.push_back({std::string(name), std::move(value)}); };
  const auto add_number = [&](std::string_view name, std::int64_t value) { add(name, std::to_string(value)); };

  if (size == LetterSize::full) {
    for (const auto& h : own) {
      if (h.name.starts_with(header::prefix)) continue;
      out.push_back({std::string(h.name), h.value.is_null() ? std::nullopt : std::optional<std::string>(h.value.view())});
    }
  }
  add(header::format, std::string(format_version));
  add(header::origin_topic, std::string(record.topic));
  add_number(header::origin_topic_id, record.topic_id);
  add_number(header::origin_partition, record.partition.value);
  add_number(header::origin_offset, record.offset.value);
  add_number(header::origin_timestamp, to_epoch_ms(record.timestamp));
  add(header::handler, handler.name);
  add(header::group, handler.group);
  add_number(header::attempt, disposition.attempt.value);
  add_number(header::first_seen, to_epoch_ms(record.first_seen));
  add_number(header::step, disposition.step.value);
  if (!record.event_id.empty()) add(header::event_id, std::string(record.event_id));
  if (disposition.outcome == Outcome::retry) add_number(header::due, to_epoch_ms(disposition.due));
  const bool dead = disposition.outcome == Outcome::dead;
  if (dead) {
    add(header::reason, std::string(to_text(disposition.reason)));
    add(header::failed_at, iso_time(now));
  }
  if (detail != nullptr && size != LetterSize::no_error_text) {
    if (detail->code != 0) add_number(header::error_code, detail->code);
    if (!detail->reason.empty()) add(header::error_message, std::string(cut_text(detail->reason, max_error_message)));
    if (dead && !detail->detail.empty()) add(header::error_detail, std::string(cut_text(detail->detail, max_error_detail)));
  }
  if (dead && handler.dead_letter.original_topic_headers) {
    add("original-topic", std::string(record.topic));
    add("failed-at", iso_time(now));
  }
  if (dead && handler.dead_letter.spring_headers) {
    const auto big_endian = [&](std::string_view name, std::uint64_t value, int bytes) {
      std::string text;
      for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) text += static_cast<char>((value >> shift) & 0xff);
      add(name, std::move(text));
    };
    add("kafka_dlt-original-topic", std::string(record.topic));
    big_endian("kafka_dlt-original-partition", static_cast<std::uint32_t>(record.partition.value), 4);
    big_endian("kafka_dlt-original-offset", static_cast<std::uint64_t>(record.offset.value), 8);
    big_endian("kafka_dlt-original-timestamp", static_cast<std::uint64_t>(to_epoch_ms(record.timestamp)), 8);
    add("kafka_dlt-original-consumer-group", handler.group);
    if (detail != nullptr && size != LetterSize::no_error_text) {
      add("kafka_dlt-exception-message", std::string(cut_text(detail->reason, max_error_message)));
    }
  }
  return out;
}

std::string iso_time(Timestamp t) {
  const std::int64_t ms = to_epoch_ms(t);
  const auto seconds = static_cast<std::time_t>(ms >= 0 ? ms / 1000 : (ms - 999) / 1000);
  const auto millis = static_cast<int>(ms - static_cast<std::int64_t>(seconds) * 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                utc.tm_sec, millis);
  return text.data();
}

std::string_view cut_text(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace hostler::core
