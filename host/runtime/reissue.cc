#include "runtime/reissue.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/route.h"
#include "core/topic_names.h"
#include "runtime/digest.h"

namespace hostler::runtime {
namespace {

core::Bytes bytes_of(const std::optional<std::string>& text) { return text ? core::Bytes(std::string_view(*text)) : core::Bytes(); }

bool same_key(const StuckRecord& stuck, const LyingRecord& record) {
  if (!record.key || !stuck.key_hash) return record.key.has_value() == stuck.key_hash.has_value();
  const auto hash = sha256_16(*record.key);
  return std::string_view(*stuck.key_hash) == std::string_view(reinterpret_cast<const char*>(hash.data()), hash.size());
}

}  // namespace

core::Result<Reissue> reissue(const core::HandlerConfig& handler, const StuckRecord& stuck, const LyingRecord& record, core::Timestamp now) {
  if (!same_key(stuck, record)) return core::Error{"the record there has another key than the one that failed"};
  if (handler.retry.delays.empty() || handler.retry.max_retries == 0) return core::Error{"handler " + handler.name + " has no retry topics any more (" + handler.where + ")"};
  const auto& row = stuck.row;
  core::Disposition disposition;
  disposition.outcome = core::Outcome::retry;
  disposition.step = row.step;
  disposition.attempt = row.attempt;
  disposition.tier = core::retry_tier(handler.retry, core::Attempt{row.attempt.value > 1 ? row.attempt.value - 1 : 1}, now, {});
  disposition.due = now + handler.retry.delays[disposition.tier].duration;

  core::Record origin;
  origin.key = bytes_of(record.key);
  origin.value = bytes_of(record.value);
  origin.topic = stuck.topic;
  origin.topic_id = stuck.topic_id;
  origin.partition = stuck.partition;
  origin.offset = stuck.offset;
  origin.timestamp = record.timestamp;
  origin.first_seen = row.first_seen;
  origin.event_id = row.event_id;

  auto topic = core::retry_topic(handler, stuck.topic, disposition.tier);
  if (!topic) return topic.error();
  std::vector<core::HeaderView> own;
  for (const auto& h : record.headers) own.push_back({h.name, bytes_of(h.value)});
  Reissue out;
  out.copy.topic = std::move(*topic);
  out.copy.partition = stuck.partition;
  out.copy.key = origin.key;
  out.copy.value = origin.value;
  out.copy.headers = core::copy_headers(origin, own, disposition, handler, nullptr, now);
  out.due = disposition.due;
  return out;
}

}  // namespace hostler::runtime
