#include "plugin/services.h"

#include <hostler/ext/cancel.h>
#include <hostler/ext/headers.h>
#include <hostler/ext/log.h>
#include <hostler/ext/publish.h>
#include <hostler/ext/sql.h>
#include <hostler/ext/verdict.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "core/headers.h"
#include "core/topic_names.h"
#include "plugin/call.h"
#include "plugin/handler.h"
#include "runtime/log.h"
#include "runtime/progress.h"

namespace hostler::plugin {
namespace {

using runtime::LaneProgress;

const Handler& handler_of(const hostler_host* host) { return *static_cast<const Handler*>(host->host_data); }

// The call that host_batch stands for, if a service may be used now and the record exists.
Call* call_of(void* host_batch, std::uint32_t record) {
  auto* call = static_cast<Call*>(host_batch);
  return call != nullptr && call->running && record < call->records.size() ? call : nullptr;
}

core::Bytes to_core(hostler_bytes b) { return {reinterpret_cast<const char*>(b.data), b.len}; }
hostler_bytes to_border(const core::Bytes& b) { return {reinterpret_cast<const std::uint8_t*>(b.data), b.size}; }

// -- sql --

bool convert(const hostler_sql_value& from, runtime::SqlValue& to) {
  switch (from.type) {
    case HOSTLER_SQL_NULL: break;
    case HOSTLER_SQL_INT:
    case HOSTLER_SQL_BOOL:
    case HOSTLER_SQL_TIMESTAMP_US: to.integer = from.as.i; break;
    case HOSTLER_SQL_REAL: to.real = from.as.r; break;
    case HOSTLER_SQL_TEXT:
    case HOSTLER_SQL_BLOB:
    case HOSTLER_SQL_UUID:
    case HOSTLER_SQL_JSON:
      to.bytes = to_core(from.as.b);
      if (to.bytes.is_null()) to.bytes = core::Bytes("", 0);
      break;
    default: return false;
  }
  to.type = static_cast<runtime::SqlType>(from.type);
  return true;
}

hostler_status refuse(Call& call, std::size_t record, std::string why) {
  call.refused.emplace(record, std::move(why));
  return HOSTLER_E_INVALID;
}

hostler_status sql_enqueue(const hostler_host* host, void* host_batch, std::uint32_t index, hostler_str sql, const hostler_sql_value* params,
                           std::uint32_t count) noexcept {
  Call* call = call_of(host_batch, index);
  if (call == nullptr) return HOSTLER_E_INVALID;
  if (!handler_of(host).has(HOSTLER_HANDLER_ENQUEUES)) return HOSTLER_E_UNSUPPORTED;
  const std::size_t record = call->records[index];
  if (const auto text = to_view(sql); call->last_sql.data() == nullptr || text != call->last_sql) {
    if (const auto word = runtime::refused_statement(text); !word.empty()) {
      return refuse(*call, record, "the handler enqueued " + std::string(word) + ", which would end or change the host's transaction");
    }
    call->last_sql = call->texts.keep(text);
  }
  if (call->parameters.size() == call->used_parameters) call->parameters.emplace_back();
  auto& values = call->parameters[call->used_parameters];
  values.clear();
  for (std::uint32_t i = 0; i < count; ++i) {
    runtime::SqlValue value;
    if (!convert(params[i], value)) return refuse(*call, record, "parameter $" + std::to_string(i + 1) + " of an enqueued statement has an unknown type");
    if (!value.bytes.is_null()) value.bytes = core::Bytes(call->texts.keep(value.bytes.view()));
    values.push_back(value);
  }
  ++call->used_parameters;
  call->statements.push_back({record, {call->last_sql, values}});
  return HOSTLER_OK;
}

void fill(hostler_error* error, const runtime::LedgerError& from) {
  if (error == nullptr) return;
  const std::string text = from.code.empty() ? from.message : from.message + " (" + from.code + ")";
  const auto cut = core::cut_text(text, sizeof(error->message) - 1);
  std::memcpy(error->message, cut.data(), cut.size());
  error->message[cut.size()] = '\0';
}

hostler_status sql_query(const hostler_host* /*host*/, void* host_batch, std::uint32_t index, std::uint32_t flags, hostler_str sql, const hostler_sql_value* params,
                         std::uint32_t count, hostler_status (*on_row)(void*, const hostler_sql_value*, std::uint32_t) noexcept, void* ctx,
                         hostler_error* error) noexcept {
  Call* call = call_of(host_batch, index);
  if (call == nullptr) return HOSTLER_E_INVALID;
  if (call->session == nullptr) return HOSTLER_E_UNSUPPORTED;
  if (call->broken) return HOSTLER_E_TX_ABORTED;
  const std::size_t record = call->records[index];
  if (const auto word = runtime::refused_statement(to_view(sql)); !word.empty()) {
    return refuse(*call, record, "the handler called query with " + std::string(word) + ", which would end or change the host's transaction");
  }
  std::vector<runtime::SqlValue> values(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!convert(params[i], values[i])) return refuse(*call, record, "parameter $" + std::to_string(i + 1) + " of a query has an unknown type");
  }
  const bool read_only = (flags & HOSTLER_SQL_READ) != 0;
  call->queried = true;
  call->wrote_by_query |= !read_only;
  hostler_status stopped = HOSTLER_OK;
  std::vector<hostler_sql_value> columns;
  const auto row = [&](std::span<const runtime::SqlValue> from) {
    if (on_row == nullptr) return false;
    columns.resize(from.size());
    for (std::size_t i = 0; i < from.size(); ++i) {
      auto& to = columns[i];
      to.type = static_cast<std::uint32_t>(from[i].type);
      to.reserved = 0;
      if (from[i].type == runtime::SqlType::real) {
        to.as.r = from[i].real;
      } else if (from[i].type == runtime::SqlType::integer || from[i].type == runtime::SqlType::boolean || from[i].type == runtime::SqlType::timestamp_us) {
        to.as.i = from[i].integer;
      } else {
        to.as.b = to_border(from[i].bytes);
      }
    }
    const LaneProgress::Visit runs(call->progress, LaneProgress::Place::handler);
    stopped = on_row(ctx, columns.data(), static_cast<std::uint32_t>(columns.size()));
    return stopped == HOSTLER_OK;
  };
  auto done = [&] {
    const LaneProgress::Visit waits(call->progress, LaneProgress::Place::ledger);
    return call->session->query({to_view(sql), values}, read_only, row);
  }();
  if (done) return stopped;
  fill(error, done.error());
  const bool outage = done.error().kind == runtime::LedgerError::Kind::outage;
  call->broken = BrokenBy{record, std::move(done.error())};
  return outage ? HOSTLER_E_UNAVAILABLE : HOSTLER_E_FAILED;
}

// -- publish --

// A name that may be anything, for an error: on one line, as short as names are.
std::string shown(std::string_view name) {
  constexpr std::size_t longest = 249;
  std::string text(name.substr(0, longest));
  std::replace_if(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c > '~'; }, '?');
  return name.size() > longest ? text + "…" : text;
}

hostler_status publish(const hostler_host* /*host*/, void* host_batch, std::uint32_t index, const hostler_message* message) noexcept {
  Call* call = call_of(host_batch, index);
  if (call == nullptr || message == nullptr || !HOSTLER_HAS(message, hostler_message, flags)) return HOSTLER_E_INVALID;
  const std::size_t record = call->records[index];
  if (message->topic.len == 0) return refuse(*call, record, "the handler published a message without a topic");
  if (!core::is_legal_topic(to_view(message->topic))) {
    return refuse(*call, record, "the handler published to '" + shown(to_view(message->topic)) + "', which no topic can be called: " + std::string(core::legal_topics));
  }
  if (message->profile.len != 0) return refuse(*call, record, "the handler published with profile '" + std::string(to_view(message->profile)) + "', which is not configured");
  runtime::OutRecord out;
  out.topic = to_view(message->topic);
  if (message->partition >= 0) out.partition = core::Partition{message->partition};
  const auto keep = [&](hostler_bytes b) { return b.data == nullptr ? core::Bytes() : core::Bytes(call->texts.keep(to_core(b).view())); };
  out.key = keep(message->key);
  out.value = keep(message->value);
  for (std::uint32_t i = 0; i < message->header_count; ++i) {
    const auto& h = message->headers[i];
    out.headers.push_back({std::string(to_view(h.name)), h.value.data == nullptr ? std::nullopt : std::optional<std::string>(to_core(h.value).view())});
  }
  out.timestamp_ms = message->timestamp_ms;
  out.await = (message->flags & HOSTLER_MESSAGE_NO_WAIT) == 0;
  call->messages.push_back({record, std::move(out)});
  return HOSTLER_OK;
}

// -- headers, verdict detail, log, cancel --

hostler_status get_headers(const hostler_host* /*host*/, void* host_batch, std::uint32_t index, const hostler_header** headers, std::uint32_t* count) noexcept {
  Call* call = call_of(host_batch, index);
  if (call == nullptr || headers == nullptr || count == nullptr) return HOSTLER_E_INVALID;
  const std::size_t record = call->records[index];
  auto [found, fresh] = call->headers.try_emplace(record);
  if (fresh) {
    for (const auto& h : call->slice.batch->storage->headers(call->slice.first + record)) {
      if (call->slice.batch->is_retry() && h.name.starts_with(core::header::prefix)) continue;  // the host's own
      found->second.push_back({hostler::plugin::to_border(h.name), to_border(h.value)});
    }
  }
  *headers = found->second.data();
  *count = static_cast<std::uint32_t>(found->second.size());
  return HOSTLER_OK;
}

hostler_status explain(const hostler_host* /*host*/, void* host_batch, std::uint32_t index, std::int32_t code, hostler_str reason, hostler_str detail,
                       std::int64_t not_before_ms) noexcept {
  Call* call = call_of(host_batch, index);
  if (call == nullptr) return HOSTLER_E_INVALID;
  auto& kept = call->details[call->records[index]];
  kept.code = code;
  kept.reason = core::cut_text(to_view(reason), core::max_error_message);
  kept.detail = core::cut_text(to_view(detail), core::max_error_detail);
  kept.not_before = core::from_epoch_ms(std::max<std::int64_t>(not_before_ms, 0));
  return HOSTLER_OK;
}

runtime::LogLevel to_level(std::uint32_t level) {
  switch (level) {
    case HOSTLER_LOG_TRACE:
    case HOSTLER_LOG_DEBUG: return runtime::LogLevel::debug;
    case HOSTLER_LOG_INFO: return runtime::LogLevel::info;
    case HOSTLER_LOG_WARN: return runtime::LogLevel::warn;
    default: return runtime::LogLevel::error;
  }
}

std::int32_t log_enabled(const hostler_host* /*host*/, std::uint32_t level) noexcept {
  // Trace is below everything the host writes.
  return level != HOSTLER_LOG_TRACE && runtime::log_enabled(to_level(level)) ? 1 : 0;
}

void log_write(const hostler_host* host, std::uint32_t level, hostler_str text) noexcept {
  if (log_enabled(host, level) == 0) return;
  constexpr std::size_t longest_line = 4096;
  runtime::log(to_level(level), "handler " + handler_of(host).config().name + ": " + std::string(core::cut_text(to_view(text), longest_line)));
}

std::int64_t remaining_ms(const hostler_host* /*host*/, void* host_batch) noexcept {
  const auto* call = static_cast<const Call*>(host_batch);
  if (call == nullptr || !call->running) return 0;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(call->deadline - std::chrono::steady_clock::now()).count();
  return std::max<std::int64_t>(left, 0);
}

constexpr hostler_host_sql sql_postgresql = {sizeof(hostler_host_sql), HOSTLER_SQL_POSTGRESQL, &sql_enqueue, &sql_query};
constexpr hostler_host_sql sql_sqlite = {sizeof(hostler_host_sql), HOSTLER_SQL_SQLITE, &sql_enqueue, &sql_query};
constexpr hostler_host_publish publish_table = {sizeof(hostler_host_publish), 0, &publish};
constexpr hostler_host_headers headers_table = {sizeof(hostler_host_headers), 0, &get_headers};
constexpr hostler_host_verdict verdict_table = {sizeof(hostler_host_verdict), 0, &explain};
constexpr hostler_host_log log_table = {sizeof(hostler_host_log), 0, &log_enabled, &log_write};
constexpr hostler_host_cancel cancel_table = {sizeof(hostler_host_cancel), 0, &remaining_ms};

}  // namespace

const void* find_service(const hostler_host* host, const char* id) noexcept {
  const std::string_view name = id == nullptr ? "" : id;
  const auto& offer = handler_of(host).offer();
  if (name == HOSTLER_EXT_SQL) {
    if (!offer.ledger) return nullptr;
    return offer.dialect == runtime::SqlDialect::sqlite ? &sql_sqlite : &sql_postgresql;
  }
  if (name == HOSTLER_EXT_PUBLISH) return &publish_table;
  if (name == HOSTLER_EXT_HEADERS) return &headers_table;
  if (name == HOSTLER_EXT_VERDICT) return &verdict_table;
  if (name == HOSTLER_EXT_LOG) return &log_table;
  if (name == HOSTLER_EXT_CANCEL) return &cancel_table;
  return nullptr;
}

}  // namespace hostler::plugin
