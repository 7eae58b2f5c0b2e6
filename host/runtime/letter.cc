#include "runtime/letter.h"

#include <nlohmann/json.hpp>
#include <simdjson.h>

#include "runtime/digest.h"

namespace hostler::runtime {
namespace {

bool is_json(const core::Bytes& value) {
  simdjson::dom::parser parser;
  return parser.parse(value.data, value.size).error() == simdjson::SUCCESS;
}

void append_number(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xff);
}

// Length and bytes; null is length -1.
void append_bytes(std::string& out, const core::Bytes& bytes) {
  append_number(out, bytes.is_null() ? ~std::uint64_t{0} : bytes.size);
  out += bytes.view();
}

}  // namespace

std::string json_letter(const core::Record& record, const core::Disposition& disposition, const core::HandlerConfig& handler,
                        const core::VerdictDetail* detail, core::Timestamp now, core::LetterSize size) {
  nlohmann::ordered_json rest;
  std::string event;
  if (record.value.is_null()) {
    event = "null";
  } else if (is_json(record.value)) {
    event = record.value.view();  // as it came: numbers and spelling intact
  } else {
    event = '"' + base64(record.value.view()) + '"';
    rest["originalEventEncoding"] = "base64";
  }
  const bool with_text = detail != nullptr && size != core::LetterSize::no_error_text;
  auto& error = rest["error"];
  error["message"] = with_text ? std::string(core::cut_text(detail->reason, core::max_error_message)) : std::string(to_text(disposition.reason));
  error["stack"] = with_text ? std::string(core::cut_text(detail->detail, core::max_error_detail)) : std::string();
  error["timestamp"] = core::iso_time(now);
  auto& metadata = rest["metadata"];
  metadata["originalTopic"] = std::string(record.topic);
  metadata["partition"] = record.partition.value;
  metadata["offset"] = record.offset.value;
  metadata["serviceName"] = handler.name;
  metadata["retryCount"] = disposition.attempt.value - 1;
  // Texts may hold bytes that are not UTF-8: replaced, never thrown over.
  std::string tail = rest.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  tail.front() = ',';
  return "{\"originalEvent\":" + event + tail;
}

std::string stored_record(const core::Record& record, std::span<const core::HeaderView> headers) {
  std::string out = "hostler-record-1";
  append_number(out, static_cast<std::uint64_t>(core::to_epoch_ms(record.timestamp)));
  append_bytes(out, record.key);
  append_bytes(out, record.value);
  append_number(out, headers.size());
  for (const auto& h : headers) {
    append_bytes(out, core::Bytes(h.name));
    append_bytes(out, h.value);
  }
  return out;
}

}  // namespace hostler::runtime
