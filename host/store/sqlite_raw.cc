#include "store/sqlite_raw.h"

#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "store/time_text.h"
#include "store/uuid_text.h"

namespace hostler::store {
namespace {

using runtime::LedgerError;
using runtime::SqlType;
using runtime::SqlValue;
using Kind = LedgerError::Kind;

constexpr std::size_t max_prepared = 256;

sqlite3* db(void* handle) { return static_cast<sqlite3*>(handle); }
sqlite3_stmt* st(void* handle) { return static_cast<sqlite3_stmt*>(handle); }

Kind kind_of(int primary, Author author) {
  switch (primary) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG: return Kind::record;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Kind::again;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_NOLFS: return Kind::outage;
    default: return author == Author::handler ? Kind::handler : Kind::outage;
  }
}

std::string_view name_of(int code) {
  switch (code & 0xFF) {
    case SQLITE_ERROR: return "SQLITE_ERROR";
    case SQLITE_PERM: return "SQLITE_PERM";
    case SQLITE_ABORT: return "SQLITE_ABORT";
    case SQLITE_BUSY: return "SQLITE_BUSY";
    case SQLITE_LOCKED: return "SQLITE_LOCKED";
    case SQLITE_NOMEM: return "SQLITE_NOMEM";
    case SQLITE_READONLY: return "SQLITE_READONLY";
    case SQLITE_INTERRUPT: return "SQLITE_INTERRUPT";
    case SQLITE_IOERR: return "SQLITE_IOERR";
    case SQLITE_CORRUPT: return "SQLITE_CORRUPT";
    case SQLITE_FULL: return "SQLITE_FULL";
    case SQLITE_CANTOPEN: return "SQLITE_CANTOPEN";
    case SQLITE_PROTOCOL: return "SQLITE_PROTOCOL";
    case SQLITE_SCHEMA: return "SQLITE_SCHEMA";
    case SQLITE_TOOBIG: return "SQLITE_TOOBIG";
    case SQLITE_CONSTRAINT: return "SQLITE_CONSTRAINT";
    case SQLITE_MISMATCH: return "SQLITE_MISMATCH";
    case SQLITE_MISUSE: return "SQLITE_MISUSE";
    case SQLITE_AUTH: return "SQLITE_AUTH";
    case SQLITE_RANGE: return "SQLITE_RANGE";
    case SQLITE_NOTADB: return "SQLITE_NOTADB";
    default: return "SQLITE_OTHER";
  }
}

// Without the blanks, comments and semicolons at its start.
std::string_view skip_blanks(std::string_view sql) {
  while (!sql.empty()) {
    if (std::string_view(" \t\r\n\f;").find(sql[0]) != std::string_view::npos) {
      sql.remove_prefix(1);
    } else if (sql.starts_with("--")) {
      sql.remove_prefix(std::min(sql.find('\n'), sql.size()));
    } else if (sql.starts_with("/*")) {
      const auto end = sql.find("*/", 2);
      sql.remove_prefix(end == std::string_view::npos ? sql.size() : end + 2);
    } else {
      break;
    }
  }
  return sql;
}

// Resets on scope end, so that no reader stays open and holds back checkpoints.
class Resetting {
 public:
  explicit Resetting(sqlite3_stmt* statement) : statement_(statement) {}
  ~Resetting() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Resetting(const Resetting&) = delete;
  Resetting& operator=(const Resetting&) = delete;

 private:
  sqlite3_stmt* statement_;
};

int bind_text(sqlite3_stmt* statement, int at, std::string_view text, sqlite3_destructor_type owner) {
  return sqlite3_bind_text64(statement, at, text.data() == nullptr ? "" : text.data(), text.size(), owner, SQLITE_UTF8);
}

int bind_value(sqlite3_stmt* statement, int at, const SqlValue& v) {
  switch (v.type) {
    case SqlType::null: return sqlite3_bind_null(statement, at);
    case SqlType::integer:
    case SqlType::boolean: return sqlite3_bind_int64(statement, at, v.integer);
    case SqlType::real: return sqlite3_bind_double(statement, at, v.real);
    case SqlType::blob: return sqlite3_bind_blob64(statement, at, v.bytes.data == nullptr ? "" : v.bytes.data, v.bytes.size, SQLITE_STATIC);
    case SqlType::uuid:
      if (v.bytes.size == 16) return bind_text(statement, at, uuid_text(v.bytes.view()), SQLITE_TRANSIENT);
      return bind_text(statement, at, v.bytes.view(), SQLITE_STATIC);
    case SqlType::timestamp_us: return bind_text(statement, at, time_text(v.integer), SQLITE_TRANSIENT);
    case SqlType::text:
    case SqlType::json: return bind_text(statement, at, v.bytes.view(), SQLITE_STATIC);
  }
  return SQLITE_MISUSE;
}

SqlValue column(sqlite3_stmt* statement, int at) {
  SqlValue v;
  switch (sqlite3_column_type(statement, at)) {
    case SQLITE_INTEGER:
      v.type = SqlType::integer;
      v.integer = sqlite3_column_int64(statement, at);
      break;
    case SQLITE_FLOAT:
      v.type = SqlType::real;
      v.real = sqlite3_column_double(statement, at);
      break;
    case SQLITE_TEXT:
    case SQLITE_BLOB: {
      v.type = sqlite3_column_type(statement, at) == SQLITE_TEXT ? SqlType::text : SqlType::blob;
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, at));
      v.bytes = core::Bytes(bytes == nullptr ? "" : bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement, at)));
      break;
    }
    default: break;
  }
  return v;
}

}  // namespace

LedgerError sqlite_error(int code, std::string_view message, Author author) {
  LedgerError error{kind_of(code & 0xFF, author), std::string(name_of(code)), std::string(message)};
  if (author == Author::ledger && (code & 0xFF) == SQLITE_ERROR && message.find("no such") != std::string_view::npos)
    error.message += ": the ledger's tables are missing or old, run `hostler ledger migrate`";
  return error;
}

SqliteRaw::SqliteRaw(void* handle) : db_(handle) { sqlite3_extended_result_codes(db(db_), 0); }

SqliteRaw::~SqliteRaw() { forget_statements(); }

void SqliteRaw::forget_statements() {
  for (auto& [sql, prepared] : cache_) sqlite3_finalize(st(prepared.statement));
  cache_.clear();
}

LedgerError SqliteRaw::last_error(Author author) const { return sqlite_error(sqlite3_errcode(db(db_)), sqlite3_errmsg(db(db_)), author); }

std::optional<LedgerError> SqliteRaw::exec(const char* sql, Author author) {
  if (sqlite3_exec(db(db_), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return std::nullopt;
  return last_error(author);
}

std::optional<LedgerError> SqliteRaw::flush() {
  const int code = sqlite3_db_cacheflush(db(db_));
  if (code == SQLITE_OK) return std::nullopt;
  return sqlite_error(code, sqlite3_errstr(code), Author::ledger);
}

bool SqliteRaw::autocommit() const { return sqlite3_get_autocommit(db(db_)) != 0; }

bool SqliteRaw::deferred_violations() const {
  int now = 0, high = 0;
  return sqlite3_db_status(db(db_), SQLITE_DBSTATUS_DEFERRED_FKS, &now, &high, 0) == SQLITE_OK && now != 0;
}

runtime::LedgerResult<SqliteRaw::Prepared*> SqliteRaw::prepare(std::string_view sql) {
  if (const auto it = cache_.find(sql); it != cache_.end()) return &it->second;
  if (cache_.size() >= max_prepared) forget_statements();
  if (const auto word = runtime::refused_statement(sql); !word.empty())
    return LedgerError{Kind::refused, "", std::string(word) + " is refused: the transaction and the session belong to the host"};
  sqlite3_stmt* raw = nullptr;
  const char* tail = nullptr;
  if (sqlite3_prepare_v3(db(db_), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw, &tail) != SQLITE_OK)
    return last_error(Author::handler);
  std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> owned(raw, &sqlite3_finalize);
  if (raw == nullptr) return LedgerError{Kind::handler, "SQLITE_MISUSE", "the statement is empty"};
  if (!skip_blanks(sql.substr(static_cast<std::size_t>(tail - sql.data()))).empty())
    return LedgerError{Kind::refused, "", "more than one statement in one text is refused: enqueue them one by one"};
  Prepared p;
  for (int i = 1; i <= sqlite3_bind_parameter_count(raw); ++i) {
    // SQLite numbers "$2" by its first appearance, not by its name.
    const char* name = sqlite3_bind_parameter_name(raw, i);
    int number = 0;
    const std::string_view text = name == nullptr ? "" : name;
    const bool numbered = text.size() > 1 && text[0] == '$' &&
                          std::from_chars(text.data() + 1, text.data() + text.size(), number).ptr == text.data() + text.size() && number > 0;
    if (!numbered) return LedgerError{Kind::handler, "SQLITE_MISUSE", "parameters are written $1, $2, …"};
    p.numbers.push_back(number);
    p.parameters = std::max(p.parameters, number);
  }
  p.reads_only = sqlite3_stmt_readonly(raw) != 0;
  Prepared& kept = cache_[std::string(sql)];
  kept = std::move(p);
  kept.statement = owned.release();
  return &kept;
}

std::optional<LedgerError> SqliteRaw::bind(const Prepared& prepared, std::span<const SqlValue> params) {
  if (static_cast<int>(params.size()) != prepared.parameters)
    return LedgerError{Kind::handler, "SQLITE_RANGE", "the statement has " + std::to_string(prepared.parameters) + " parameters and was given " + std::to_string(params.size())};
  for (std::size_t i = 0; i < prepared.numbers.size(); ++i) {
    const auto number = static_cast<std::size_t>(prepared.numbers[i]);
    const SqlValue& v = params[number - 1];
    if (v.type == SqlType::timestamp_us && !writable_time(v.integer))
      return LedgerError{Kind::record, "SQLITE_MISMATCH", "parameter $" + std::to_string(number) + " is a time outside of the years 1 to 9999"};
    if (v.type == SqlType::uuid && v.bytes.size != 16 && !uuid_bytes(v.bytes.view()))
      return LedgerError{Kind::record, "SQLITE_MISMATCH", "parameter $" + std::to_string(number) + " is not a UUID: neither 16 bytes nor its text of 36 characters"};
    if (bind_value(st(prepared.statement), static_cast<int>(i) + 1, v) != SQLITE_OK) return last_error(Author::handler);
  }
  return std::nullopt;
}

std::optional<LedgerError> SqliteRaw::run(const runtime::SqlStatement& statement) {
  auto done = query(statement, false, nullptr);
  if (!done) return std::move(done.error());
  return std::nullopt;
}

runtime::LedgerResult<std::size_t> SqliteRaw::query(const runtime::SqlStatement& statement, bool read_only, const runtime::SqlRow& on_row) {
  auto prepared = prepare(statement.sql);
  if (!prepared) return std::move(prepared.error());
  const Prepared& p = **prepared;
  if (read_only && !p.reads_only) return LedgerError{Kind::refused, "", "the statement was announced as reading only, but it writes"};
  const Resetting resetting(st(p.statement));
  if (auto error = bind(p, statement.params)) return std::move(*error);
  std::vector<SqlValue> columns(static_cast<std::size_t>(sqlite3_column_count(st(p.statement))));
  std::size_t rows = 0;
  int code = SQLITE_OK;
  while ((code = sqlite3_step(st(p.statement))) == SQLITE_ROW) {
    if (!on_row) continue;
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = column(st(p.statement), static_cast<int>(i));
    ++rows;
    if (!on_row(columns)) return rows;
  }
  if (code != SQLITE_DONE) return last_error(Author::handler);
  return rows;
}

std::optional<SqliteRaw::ScriptFailure> SqliteRaw::run_script(std::string_view sql) {
  const char* const start = sql.data();
  for (sql = skip_blanks(sql); !sql.empty(); sql = skip_blanks(sql)) {
    const auto here = static_cast<std::size_t>(sql.data() - start);
    sqlite3_stmt* raw = nullptr;
    const char* tail = nullptr;
    int code = sqlite3_prepare_v2(db(db_), sql.data(), static_cast<int>(sql.size()), &raw, &tail);
    const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> owned(raw, &sqlite3_finalize);
    if (code != SQLITE_OK) return ScriptFailure{last_error(Author::handler), here + static_cast<std::size_t>(std::max(0, sqlite3_error_offset(db(db_))))};
    while ((code = sqlite3_step(raw)) == SQLITE_ROW) continue;
    if (code != SQLITE_DONE) return ScriptFailure{last_error(Author::handler), here};
    sql.remove_prefix(static_cast<std::size_t>(tail - sql.data()));
  }
  return std::nullopt;
}

std::optional<LedgerError> SqliteRaw::rows(const std::string& sql, const std::vector<std::string>& params,
                                           const std::function<void(const std::vector<std::string>&)>& row) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(db(db_), sql.c_str(), -1, &raw, nullptr) != SQLITE_OK) return last_error(Author::ledger);
  const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> owned(raw, &sqlite3_finalize);
  for (std::size_t i = 0; i < params.size(); ++i)
    if (bind_text(raw, static_cast<int>(i) + 1, params[i], SQLITE_TRANSIENT) != SQLITE_OK) return last_error(Author::ledger);
  int code = SQLITE_OK;
  while ((code = sqlite3_step(raw)) == SQLITE_ROW) {
    std::vector<std::string> columns;
    for (int i = 0; i < sqlite3_column_count(raw); ++i) columns.emplace_back(column(raw, i).type == SqlType::null ? "" : reinterpret_cast<const char*>(sqlite3_column_text(raw, i)));
    if (row) row(columns);
  }
  if (code != SQLITE_DONE) return last_error(Author::ledger);
  return std::nullopt;
}

}  // namespace hostler::store
