#include "runtime/decoder.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "core/headers.h"
#include "runtime/digest.h"

namespace hostler::runtime {

using core::FieldLocator;

namespace {

constexpr std::size_t max_id = 255;

bool valid_id(std::string_view id) {
  return !id.empty() && id.size() <= max_id && id.find('\0') == std::string_view::npos && simdjson::validate_utf8(id.data(), id.size());
}

std::optional<std::string_view> find_header(const std::vector<core::HeaderView>& headers, std::string_view name) {
  for (const auto& h : headers) {
    if (h.name == name && !h.value.is_null()) return h.value.view();
  }
  return std::nullopt;
}

}  // namespace

// simdjson wants padding behind its input, which a fetched record does not have: each value is copied here first.
struct Decoder::Json {
  simdjson::ondemand::parser parser;
  std::string padded;

  simdjson::error_code open(std::string_view value, simdjson::ondemand::document& doc) {
    if (padded.size() < value.size() + simdjson::SIMDJSON_PADDING) padded.resize((value.size() + simdjson::SIMDJSON_PADDING) * 2);
    std::memcpy(padded.data(), value.data(), value.size());
    std::memset(padded.data() + value.size(), 0, simdjson::SIMDJSON_PADDING);
    return parser.iterate(padded.data(), value.size(), padded.size()).get(doc);
  }

  // The text of a string, or an integer as it is written. The view lives until the next open().
  static simdjson::error_code field(simdjson::ondemand::document& doc, const std::string& pointer, std::string_view& out) {
    simdjson::ondemand::value value;
    if (const auto error = doc.at_pointer(pointer).get(value)) return error;
    simdjson::ondemand::json_type type{};
    if (const auto error = value.type().get(type)) return error;
    if (type == simdjson::ondemand::json_type::number) {
      std::int64_t number = 0;
      if (const auto error = value.get_int64().get(number)) return error;
      thread_local std::string text;
      text = std::to_string(number);
      out = text;
      return simdjson::SUCCESS;
    }
    return value.get_string().get(out);
  }
};

namespace {
bool from_json(const FieldLocator& l) { return l.kind == FieldLocator::Kind::json_pointer; }
bool from_header(const FieldLocator& l) { return l.kind == FieldLocator::Kind::header; }
}  // namespace

Decoder::Decoder(const core::HandlerConfig& handler, std::vector<std::string> event_types)
    : handler_(handler),
      event_types_(std::move(event_types)),
      wants_id_(handler.event_id.kind != FieldLocator::Kind::none),
      wants_type_(handler.event_type.kind != FieldLocator::Kind::none),
      wants_json_(from_json(handler.event_id) || from_json(handler.event_type)),
      wants_headers_(from_header(handler.event_id) || from_header(handler.event_type)),
      json_(std::make_unique<Json>()) {}

Decoder::~Decoder() = default;

void Decoder::decode(core::Batch& batch, core::Timestamp now) {
  const std::int32_t topic_id = batch.mark != nullptr ? batch.mark->topic_id : 0;
  if (!batch.is_retry() && !wants_id_ && !wants_type_) {  // nothing to look for: the common way of batch handlers
    for (auto& record : batch.records) {
      record.first_seen = now;
      record.topic_id = topic_id;
    }
    return;
  }
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    auto& record = batch.records[i];
    if (batch.is_retry()) {
      decode_copy(batch, i, now);
    } else {
      record.first_seen = now;
      record.topic_id = topic_id;
    }
    if (record.invalid == core::DeadReason::none && !record.filtered && !record.misrouted && (wants_id_ || wants_type_)) decode_event(batch, i);
  }
}

void Decoder::decode_copy(core::Batch& batch, std::size_t index, core::Timestamp now) {
  auto& record = batch.records[index];
  const auto headers = batch.storage->headers(index);
  const auto copy = core::read_copy_headers(headers);
  if (!copy) {
    record.first_seen = now;
    record.invalid = core::DeadReason::undecodable;
    record.invalid_text = batch.texts.keep("not a retry copy of this host: " + copy.error().message);
    return;
  }
  if (copy->group != handler_.group) {
    record.filtered = true;
    return;
  }
  record.misrouted = copy->handler != handler_.name;
  record.topic = batch.texts.keep(copy->origin_topic);
  record.topic_id = copy->topic_id;
  record.partition = copy->partition;
  record.offset = copy->offset;
  record.timestamp = copy->timestamp;
  record.first_seen = copy->first_seen;
  record.attempt = copy->attempt;
  record.step = copy->step;
  record.replay = copy->replay;
}

void Decoder::decode_event(core::Batch& batch, std::size_t index) {
  auto& record = batch.records[index];
  std::vector<core::HeaderView> headers;
  if (wants_headers_) headers = batch.storage->headers(index);

  simdjson::ondemand::document doc;
  auto json_state = simdjson::SUCCESS;
  const bool tombstone = record.value.is_null();
  if (wants_json_ && !tombstone) json_state = json_->open(record.value.view(), doc);

  // The type first: a bad id must not hide it from the dead letter's reader, and ids reuse the parser's buffer.
  const auto& type = handler_.event_type;
  if (from_header(type)) {
    if (const auto text = find_header(headers, type.path)) record.event_type = batch.texts.keep(*text);
  } else if (from_json(type) && !tombstone && json_state == simdjson::SUCCESS) {
    std::string_view text;
    if (Json::field(doc, type.path, text) == simdjson::SUCCESS) record.event_type = batch.texts.keep(text);
  }

  // A copy of a type that is no longer taken is handled all the same: filtering it would lose a record that waits.
  if (!event_types_.empty() && !record.event_type.empty() && !batch.is_retry() &&
      std::find(event_types_.begin(), event_types_.end(), record.event_type) == event_types_.end()) {
    record.filtered = true;
    return;
  }

  const auto& id = handler_.event_id;
  const auto missing = [&](const std::string& why) {
    if (handler_.on_missing_id == core::OnMissingId::origin) return use_origin_id(batch, record);
    record.invalid = core::DeadReason::invalid;
    record.invalid_text = batch.texts.keep(why);
  };
  switch (id.kind) {
    case FieldLocator::Kind::none: return;
    case FieldLocator::Kind::origin: return use_origin_id(batch, record);
    case FieldLocator::Kind::key:
      if (record.key.is_null()) return missing("the record has no key, and event_id = \"key\" asks for one");
      return accept_id(batch, record, record.key.view());
    case FieldLocator::Kind::header: {
      const auto text = find_header(headers, id.path);
      if (!text) return missing("no header '" + id.path + "' for the event id");
      return accept_id(batch, record, *text);
    }
    case FieldLocator::Kind::json_pointer: {
      if (tombstone) return use_origin_id(batch, record);
      std::string_view text;
      if (json_state == simdjson::SUCCESS) json_state = Json::field(doc, id.path, text);
      if (json_state == simdjson::SUCCESS) return accept_id(batch, record, text);
      if (json_state == simdjson::NO_SUCH_FIELD) return missing("no field " + id.path + " for the event id");
      if (json_state == simdjson::INCORRECT_TYPE || json_state == simdjson::NUMBER_OUT_OF_RANGE) {
        return missing("field " + id.path + " for the event id is neither a string nor an integer");
      }
      record.invalid = core::DeadReason::undecodable;
      record.invalid_text = batch.texts.keep(std::string("the value is not JSON: ") + simdjson::error_message(json_state));
      return;
    }
  }
}

void Decoder::use_origin_id(core::Batch& batch, core::Record& record) const {
  if (handler_.idempotency != core::Idempotency::event_id) return;
  std::string origin(record.topic);
  origin += '\0';
  origin += std::to_string(record.topic_id) + ':' + std::to_string(record.partition.value) + ':' + std::to_string(record.offset.value);
  record.event_id = batch.texts.keep("@" + to_hex(sha256_16(origin)));
}

void Decoder::accept_id(core::Batch& batch, core::Record& record, std::string_view id) {
  if (!valid_id(id)) {
    record.invalid = core::DeadReason::invalid;
    record.invalid_text = batch.texts.keep(id.empty() ? "the event id is empty" : "the event id is longer than 255 bytes, has a NUL byte, or is not UTF-8");
    return;
  }
  // '@' marks the host's own ids: a producer's id that begins with it is hashed, so that nobody can claim another record's origin.
  record.event_id = id.front() == '@' ? batch.texts.keep("@@" + to_hex(sha256_16(id))) : batch.texts.keep(id);
}

}  // namespace hostler::runtime
