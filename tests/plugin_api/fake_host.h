// fake_host.h - a host for one handler: loads a real plugin file, offers every service, and keeps what the
// handler did.
//
// Each service can be switched off or made to fail. One object belongs to one thread.
#pragma once

#include <dlfcn.h>
#include <hostler/ext/cancel.h>
#include <hostler/ext/headers.h>
#include <hostler/ext/log.h>
#include <hostler/ext/publish.h>
#include <hostler/ext/sql.h>
#include <hostler/ext/verdict.h>
#include <hostler/plugin.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fake {

inline std::string text(hostler_str s) {
  return s.data == nullptr ? std::string() : std::string(s.data, s.len);
}
inline std::optional<std::string> bytes(hostler_bytes b) {
  if (b.data == nullptr) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(b.data), b.len);
}
inline hostler_str str(std::string_view s) { return {s.data(), s.size()}; }
inline hostler_bytes bytes(const std::optional<std::string>& s) {
  if (!s) return {nullptr, 0};
  return {reinterpret_cast<const std::uint8_t*>(s->data()), s->size()};
}

// A parameter or column with memory of its own.
struct Value {
  std::uint32_t type = HOSTLER_SQL_NULL;
  std::int64_t i = 0;
  double r = 0;
  std::optional<std::string> b = std::nullopt;
  friend bool operator==(const Value&, const Value&) = default;

  static Value integer(std::int64_t i) { return {HOSTLER_SQL_INT, i, 0, std::nullopt}; }
  static Value of(std::uint32_t type, std::string b) { return {type, 0, 0, std::move(b)}; }
  static Value copy(const hostler_sql_value& v) {
    switch (v.type) {
      case HOSTLER_SQL_NULL: return {};
      case HOSTLER_SQL_INT:
      case HOSTLER_SQL_BOOL:
      case HOSTLER_SQL_TIMESTAMP_US: return {v.type, v.as.i, 0, std::nullopt};
      case HOSTLER_SQL_REAL: return {v.type, 0, v.as.r, std::nullopt};
      default: return {v.type, 0, 0, bytes(v.as.b)};
    }
  }
  [[nodiscard]] hostler_sql_value c() const {
    hostler_sql_value v{};
    v.type = type;
    if (type == HOSTLER_SQL_REAL)
      v.as.r = r;
    else if (b)
      v.as.b = bytes(b);
    else
      v.as.i = i;
    return v;
  }
};

struct Statement {
  std::uint32_t record;
  std::string sql;
  std::vector<Value> params;
  std::uint32_t flags = 0;
};
struct Published {
  std::uint32_t record;
  std::string topic, profile;
  std::optional<std::string> key, value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  std::int32_t partition;
  std::int64_t timestamp_ms;
  std::uint32_t flags;
};
struct Explained {
  std::int32_t code;
  std::string reason, detail;
  std::int64_t not_before_ms;
};

// A record to be delivered.
struct In {
  std::optional<std::string> value;
  std::optional<std::string> key = "key";
  std::string event_id = "e-1", event_type = {};
  std::uint32_t attempt = 1;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers = {};
};

struct Out {
  hostler_status status;
  std::vector<std::uint8_t> verdicts;
  std::string message;
  std::int32_t code;
};

class Plugin {
 public:
  explicit Plugin(const std::string& path) {
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(dlerror());
    using Entry = const hostler_plugin* (*)();
    const auto entry = reinterpret_cast<Entry>(dlsym(library, "hostler_plugin_entry_v1"));
    if (entry == nullptr) throw std::runtime_error(dlerror());
    table_ = entry();
  }
  const hostler_plugin* operator->() const { return table_; }
  const hostler_plugin& operator*() const { return *table_; }

 private:
  const hostler_plugin* table_;
};

class Host {
 public:
  std::vector<Statement> enqueued, queries;
  std::vector<Published> published;
  std::map<std::uint32_t, Explained> explained;
  std::vector<std::pair<std::uint32_t, std::string>> lines;
  std::set<std::string> missing;          // extension ids that are not offered
  std::vector<std::vector<Value>> rows;   // answer of each query
  hostler_status sql_status = HOSTLER_OK; // answer of enqueue and query
  std::int64_t remaining_ms = 1000;
  std::string error; // of the last create

  Host() {
    host_.struct_size = sizeof host_;
    host_.abi_major = HOSTLER_ABI_MAJOR;
    host_.abi_minor = HOSTLER_ABI_MINOR;
    host_.host_data = this;
    host_.name = str("fake");
    host_.version = str("1.2.3");
    host_.handler_name = str("the-service");
    host_.get_extension = &get_extension;
  }
  ~Host() { stop(); }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // create, start and one lane; false with `error` when one of them fails.
  bool start(const Plugin& plugin, std::string_view id, std::string_view config = "{}") {
    hostler_error e{};
    e.struct_size = sizeof e;
    handler_ = plugin->create(&host_, str(id), str(config), &e);
    bool good = handler_ != nullptr;
    if (good && handler_->start(handler_, &e) != HOSTLER_OK) {
      handler_->destroy(handler_);
      handler_ = nullptr;
      good = false;
    }
    if (good) {
      lane_ = handler_->create_lane(handler_, 0, &e);
      good = lane_ != nullptr;
      if (!good) stop();
    }
    error = e.message;
    return good;
  }
  void stop() {
    if (lane_ != nullptr) lane_->destroy(lane_);
    if (handler_ != nullptr) {
      handler_->stop(handler_);
      handler_->destroy(handler_);
    }
    lane_ = nullptr;
    handler_ = nullptr;
  }
  hostler_handler* handler() { return handler_; }

  Out process(const std::vector<In>& in) {
    in_ = in;
    headers_.clear();
    std::vector<hostler_record> records;
    records.reserve(in_.size());
    for (const In& r : in_) {
      hostler_record record{};
      record.key = bytes(r.key);
      record.value = bytes(r.value);
      record.topic = str("user-events");
      record.offset = 100 + static_cast<std::int64_t>(records.size());
      record.timestamp_ms = 1700000000123;
      record.first_seen_ms = 1700000000456;
      record.partition = 3;
      record.leader_epoch = -1;
      record.attempt = r.attempt;
      record.event_id = str(r.event_id);
      record.event_type = str(r.event_type);
      records.push_back(record);
    }
    Out out{HOSTLER_OK, std::vector<std::uint8_t>(in.size(), HOSTLER_UNSET), "", 0};
    hostler_batch batch{};
    batch.struct_size = sizeof batch;
    batch.record_stride = sizeof(hostler_record);
    batch.records = records.data();
    batch.verdicts = out.verdicts.data();
    batch.host_batch = this;
    batch.delivery_topic = str("user-events.retry.1m");
    batch.record_count = static_cast<std::uint32_t>(records.size());
    hostler_error e{};
    e.struct_size = sizeof e;
    out.status = lane_->process_batch(lane_, &batch, &e);
    out.message = e.message;
    out.code = e.code;
    return out;
  }

 private:
  static Host& of(const hostler_host* host) { return *static_cast<Host*>(host->host_data); }

  static const void* get_extension(const hostler_host* host, const char* id) noexcept {
    static const hostler_host_log log{sizeof log, 0, &log_enabled, &log_write};
    static const hostler_host_sql sql{sizeof sql, HOSTLER_SQL_SQLITE, &sql_enqueue, &sql_query};
    static const hostler_host_publish publish{sizeof publish, 0, &publish_message};
    static const hostler_host_headers headers{sizeof headers, 0, &get_headers};
    static const hostler_host_verdict verdict{sizeof verdict, 0, &explain};
    static const hostler_host_cancel cancel{sizeof cancel, 0, &remaining};
    static const std::map<std::string_view, const void*> all = {
        {HOSTLER_EXT_LOG, &log},         {HOSTLER_EXT_SQL, &sql},         {HOSTLER_EXT_PUBLISH, &publish},
        {HOSTLER_EXT_HEADERS, &headers}, {HOSTLER_EXT_VERDICT, &verdict}, {HOSTLER_EXT_CANCEL, &cancel}};
    const auto found = all.find(id);
    return found == all.end() || of(host).missing.contains(id) ? nullptr : found->second;
  }

  static std::int32_t log_enabled(const hostler_host*, std::uint32_t level) noexcept {
    return level >= HOSTLER_LOG_DEBUG;
  }
  static void log_write(const hostler_host* host, std::uint32_t level, hostler_str line) noexcept {
    of(host).lines.emplace_back(level, text(line));
  }

  static Statement statement(std::uint32_t record, hostler_str sql, const hostler_sql_value* params,
                             std::uint32_t count, std::uint32_t flags) {
    Statement s{record, text(sql), {}, flags};
    for (std::uint32_t i = 0; i < count; ++i) s.params.push_back(Value::copy(params[i]));
    return s;
  }
  static hostler_status sql_enqueue(const hostler_host* host, void* batch, std::uint32_t record,
                                    hostler_str sql, const hostler_sql_value* params,
                                    std::uint32_t count) noexcept {
    if (batch != host->host_data) return HOSTLER_E_INVALID;
    of(host).enqueued.push_back(statement(record, sql, params, count, 0));
    return of(host).sql_status;
  }
  static hostler_status sql_query(const hostler_host* host, void* batch, std::uint32_t record,
                                  std::uint32_t flags, hostler_str sql, const hostler_sql_value* params,
                                  std::uint32_t count,
                                  hostler_status (*on_row)(void*, const hostler_sql_value*,
                                                           std::uint32_t) noexcept,
                                  void* ctx, hostler_error* error) noexcept {
    Host& self = of(host);
    if (batch != host->host_data) return HOSTLER_E_INVALID;
    self.queries.push_back(statement(record, sql, params, count, flags));
    if (self.sql_status != HOSTLER_OK) {
      if (error != nullptr) {
        error->code = 7;
        snprintf(error->message, sizeof error->message, "null value in column \"event_id\"");
      }
      return self.sql_status;
    }
    for (const auto& row : self.rows) {
      std::vector<hostler_sql_value> columns;
      columns.reserve(row.size());
      for (const Value& v : row) columns.push_back(v.c());
      const hostler_status status = on_row(ctx, columns.data(), static_cast<std::uint32_t>(columns.size()));
      if (status != HOSTLER_OK) return status;
    }
    return HOSTLER_OK;
  }

  static hostler_status publish_message(const hostler_host* host, void*, std::uint32_t record,
                                        const hostler_message* m) noexcept {
    Published p{record, text(m->topic), text(m->profile), bytes(m->key), bytes(m->value),
                {},     m->partition,   m->timestamp_ms,  m->flags};
    for (std::uint32_t i = 0; i < m->header_count; ++i)
      p.headers.emplace_back(text(m->headers[i].name), bytes(m->headers[i].value));
    of(host).published.push_back(std::move(p));
    return m->topic.len == 0 ? HOSTLER_E_INVALID : HOSTLER_OK;
  }

  static hostler_status get_headers(const hostler_host* host, void*, std::uint32_t record,
                                    const hostler_header** headers, std::uint32_t* count) noexcept {
    Host& self = of(host);
    auto& made = self.headers_.emplace_back();
    for (const auto& [name, value] : self.in_[record].headers) made.push_back({str(name), bytes(value)});
    *headers = made.data();
    *count = static_cast<std::uint32_t>(made.size());
    return HOSTLER_OK;
  }

  static hostler_status explain(const hostler_host* host, void*, std::uint32_t record, std::int32_t code,
                                hostler_str reason, hostler_str detail, std::int64_t not_before_ms) noexcept {
    of(host).explained[record] = {code, text(reason), text(detail), not_before_ms};
    return HOSTLER_OK;
  }
  static std::int64_t remaining(const hostler_host* host, void*) noexcept { return of(host).remaining_ms; }

  hostler_host host_{};
  hostler_handler* handler_ = nullptr;
  hostler_lane* lane_ = nullptr;
  std::vector<In> in_;
  std::deque<std::vector<hostler_header>> headers_;
};

} // namespace fake
