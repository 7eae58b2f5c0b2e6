#include "interview/small_host.h"

#include <dlfcn.h>

#include <stdexcept>

#include "support/file.h"

namespace hostler::testing {
namespace {

hostler_str str(std::string_view text) { return {text.data(), text.size()}; }
std::string text(hostler_str s) { return s.len == 0 ? std::string() : std::string(s.data, s.len); }

hostler_bytes bytes(const std::optional<std::string>& value) {
  if (!value) return {nullptr, 0};
  return {reinterpret_cast<const std::uint8_t*>(value->data()), value->size()};
}

bool has_bytes(std::uint32_t type) {
  return type == HOSTLER_SQL_TEXT || type == HOSTLER_SQL_BLOB || type == HOSTLER_SQL_UUID ||
         type == HOSTLER_SQL_JSON;
}

hostler_error empty_error() {
  hostler_error error{};
  error.struct_size = sizeof error;
  return error;
}

} // namespace

InterviewDatabase::InterviewDatabase() : tables_(folder_ / "tables.db") {
  const std::string sql = text_of(std::string(HOSTLER_PLUGIN_DIR) + "/interview/migrations/sqlite/0001_projections.sql");
  if (sql.empty())
    throw std::runtime_error("the plugin's migrations are not beside it in " HOSTLER_PLUGIN_DIR);
  tables_.exec(sql);
  sqlite3* writer = nullptr;
  if (sqlite3_open((folder_ / "tables.db").c_str(), &writer) != SQLITE_OK)
    throw std::runtime_error("cannot open the test's database");
  writer_.reset(writer);
  run("PRAGMA journal_mode = OFF", {}); // nobody needs this file after a crash
  run("PRAGMA synchronous = OFF", {});
}

void InterviewDatabase::run(const std::string& sql, const std::vector<hostler_sql_value>& params) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(writer_.get(), sql.c_str(), -1, &raw, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(writer_.get()));
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(raw, &sqlite3_finalize);
  for (std::size_t i = 0; i < params.size(); ++i) {
    const auto& p = params[i];
    const int at = sqlite3_bind_parameter_index(raw, ("$" + std::to_string(i + 1)).c_str());
    if (at == 0)
      throw std::runtime_error("the statement has no parameter $" + std::to_string(i + 1) + ": " + sql);
    if (p.type == HOSTLER_SQL_INT)
      sqlite3_bind_int64(raw, at, p.as.i);
    else if (has_bytes(p.type))
      sqlite3_bind_text(raw, at, reinterpret_cast<const char*>(p.as.b.data), static_cast<int>(p.as.b.len),
                        SQLITE_TRANSIENT);
    else if (p.type != HOSTLER_SQL_NULL)
      throw std::runtime_error("the small host has no parameters of type " + std::to_string(p.type));
  }
  if (const int code = sqlite3_step(raw); code != SQLITE_DONE && code != SQLITE_ROW)
    throw std::runtime_error(sqlite3_errmsg(writer_.get()));
}

const hostler_plugin& SmallHost::plugin() {
  static const hostler_plugin* const loaded = [] {
    const std::string file = std::string(HOSTLER_PLUGIN_DIR) + "/interview.so";
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(dlerror());
    const auto entry =
        reinterpret_cast<const hostler_plugin* (*)() noexcept>(dlsym(library, "hostler_plugin_entry_v1"));
    if (entry == nullptr) throw std::runtime_error(dlerror());
    return entry();
  }();
  return *loaded;
}

std::string SmallHost::complaint(const std::string& handler_id, const std::string& config) {
  auto error = empty_error();
  return plugin().validate_config(str(handler_id), str(config), &error) == HOSTLER_OK ? "" : error.message;
}

SmallHost::SmallHost(InterviewDatabase& database, const std::string& handler_id, const std::string& config)
    : database_(database) {
  host_.struct_size = sizeof host_;
  host_.abi_major = HOSTLER_ABI_MAJOR;
  host_.abi_minor = HOSTLER_ABI_MINOR;
  host_.host_data = this;
  host_.name = str("small-host");
  host_.version = str("0");
  host_.handler_name = str("test");
  host_.get_extension = &extension;
  auto error = empty_error();
  handler_ = plugin().create(&host_, str(handler_id), str(config), &error);
  if (handler_ == nullptr) throw std::runtime_error(error.message);
  if (handler_->start(handler_, &error) != HOSTLER_OK) throw std::runtime_error(error.message);
  lane_ = handler_->create_lane(handler_, 0, &error);
  if (lane_ == nullptr) throw std::runtime_error(error.message);
}

SmallHost::~SmallHost() {
  if (lane_ != nullptr) lane_->destroy(lane_);
  if (handler_ == nullptr) return;
  handler_->stop(handler_);
  handler_->destroy(handler_);
}

Answer SmallHost::handle(const TestRecord& record) {
  statements_.clear();
  reason_.clear();
  hostler_record c{};
  c.key = bytes(record.key);
  c.value = bytes(record.value);
  c.topic = str("test-events");
  c.timestamp_ms = record.timestamp_ms;
  c.timestamp_type = record.timestamp_type;
  c.attempt = record.attempt;
  c.leader_epoch = -1;
  c.event_id = str(record.event_id);
  Answer answer;
  hostler_batch batch{};
  batch.struct_size = sizeof batch;
  batch.record_stride = sizeof c;
  batch.records = &c;
  batch.verdicts = &answer.verdict;
  batch.delivery_topic = c.topic;
  batch.record_count = 1;
  auto error = empty_error();
  if (lane_->process_batch(lane_, &batch, &error) != HOSTLER_OK) throw std::runtime_error(error.message);
  answer.reason = reason_;
  answer.statements = statements_.size();
  if (answer.verdict == HOSTLER_DONE)
    for (const auto& statement : statements_) database_.run(statement.sql, statement.params);
  return answer;
}

const void* SmallHost::extension(const hostler_host*, const char* id) noexcept {
  static const hostler_host_sql sql{sizeof sql, HOSTLER_SQL_SQLITE, &enqueue, &query};
  static const hostler_host_verdict verdict{sizeof verdict, 0, &explain};
  const std::string_view wanted(id);
  if (wanted == HOSTLER_EXT_SQL) return &sql;
  return wanted == HOSTLER_EXT_VERDICT ? &verdict : nullptr;
}

hostler_status SmallHost::enqueue(const hostler_host* host, void*, std::uint32_t, hostler_str sql,
                                  const hostler_sql_value* params, std::uint32_t count) noexcept {
  Statement statement{text(sql), {params, params + count}, {}};
  for (auto& p : statement.params) {
    if (!has_bytes(p.type)) continue;
    statement.bytes.push_back(
        std::make_unique<std::string>(reinterpret_cast<const char*>(p.as.b.data), p.as.b.len));
    p.as.b.data = reinterpret_cast<const std::uint8_t*>(statement.bytes.back()->data());
  }
  of(host).statements_.push_back(std::move(statement));
  return HOSTLER_OK;
}

hostler_status SmallHost::query(const hostler_host*, void*, std::uint32_t, std::uint32_t, hostler_str,
                                const hostler_sql_value*, std::uint32_t,
                                hostler_status (*)(void*, const hostler_sql_value*, std::uint32_t) noexcept,
                                void*, hostler_error*) noexcept {
  return HOSTLER_E_UNSUPPORTED;
}

hostler_status SmallHost::explain(const hostler_host* host, void*, std::uint32_t, std::int32_t,
                                  hostler_str reason, hostler_str, std::int64_t) noexcept {
  of(host).reason_ = text(reason);
  return HOSTLER_OK;
}

} // namespace hostler::testing
