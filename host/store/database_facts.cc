#include "store/database_facts.h"

#include <sqlite3.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <memory>
#include <string_view>

#include <libpq-fe.h>

#include "store/io_watchdog.h"
#include "store/ledger_url.h"

namespace hostler::store {
namespace {

namespace fs = std::filesystem;
using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
constexpr core::Millis patience{10'000};
using Rows = std::unique_ptr<PGresult, decltype(&PQclear)>;

std::int64_t number(const char* text) {
  std::int64_t value = 0;
  std::from_chars(text, text + std::string_view(text).size(), value);
  return value;
}

// One row. current_schema() is null where search_path names nothing that exists.
constexpr const char* questions =
    "SELECT current_setting('server_version'), pg_is_in_recovery(), current_setting('transaction_read_only'),"
    " current_setting('max_connections')::int - CASE WHEN r.rolsuper THEN 0 ELSE current_setting('superuser_reserved_connections')::int"
    "   + coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::int END,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),"
    " r.rolconnlimit,"
    " (SELECT count(*) FROM pg_stat_activity a WHERE a.usename = current_user AND a.pid <> pg_backend_pid()),"
    " current_schema(), current_user,"
    " coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),"
    " to_regclass('processed_events') IS NOT NULL,"
    // One by one: of a list, any would do. Marks are never deleted.
    " NOT EXISTS (SELECT FROM unnest(ARRAY['processed_events', 'hostler_delegated', 'hostler_mark', 'hostler_suspect', 'hostler_crash']) AS t(name),"
    "   unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p(name)"
    "   WHERE NOT (t.name = 'hostler_mark' AND p.name = 'DELETE') AND NOT coalesce(has_table_privilege(to_regclass(t.name), p.name), true))"
    " FROM pg_roles r WHERE r.rolname = current_user";

core::Result<DatabaseFacts> ask_postgresql(const std::string& target, const std::string& shown) {
  const Connection connection(PQconnectdb(target.c_str()), &PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) return core::Error{shown + " cannot be reached"};
  IoWatchdog::Line line(std::make_shared<IoWatchdog>(patience / 10), PQsocket(connection.get()));
  line.expect(patience);
  const Rows rows(PQexec(connection.get(), questions), &PQclear);
  line.answered();
  if (PQresultStatus(rows.get()) != PGRES_TUPLES_OK || PQntuples(rows.get()) != 1)
    return core::Error{shown + " does not tell its limits: " + PQresultErrorMessage(rows.get())};
  const auto text = [&](int column) { return PQgetvalue(rows.get(), 0, column); };
  const auto is = [&](int column) { return text(column)[0] == 't'; };
  DatabaseFacts out;
  out.version = std::string("PostgreSQL ") + text(0);
  if (is(1)) {
    out.not_writable = "it is a standby in recovery; name the primary, or add target_session_attrs=read-write to the URL";
  } else if (std::string_view(text(2)) == "on") {
    out.not_writable = "its transactions are read-only (default_transaction_read_only); change that for the role or the database";
  } else if (is(10) && !is(11)) {
    out.not_writable = std::string("the role ") + text(8) + " may not write the ledger's tables; grant it SELECT, INSERT, UPDATE and DELETE on them";
  }
  if (PQgetisnull(rows.get(), 0, 7) != 0) {
    out.cannot_create = "its search_path names no schema that exists; create one, or change search_path";
  } else if (!is(9)) {
    out.cannot_create = std::string("the role ") + text(8) + " may not create tables in schema " + text(7) + "; run: GRANT CREATE ON SCHEMA " + text(7) + " TO " + text(8);
  }
  out.sessions_allowed = number(text(3));
  out.sessions_in_use = number(text(4));
  out.limited_by = "max_connections";
  if (const std::int64_t limit = number(text(5)); limit >= 0 && limit < *out.sessions_allowed) {
    out.sessions_allowed = limit;
    out.sessions_in_use = number(text(6));
    out.limited_by = "the role's CONNECTION LIMIT";
  }
  return out;
}

core::Result<DatabaseFacts> look_at_sqlite(const std::string& path) {
  DatabaseFacts out;
  out.version = std::string("SQLite ") + sqlite3_libversion();
  std::error_code ignored;
  const std::string folder = fs::path(path).parent_path().string();
  // SQLite writes its journal beside the file.
  if (fs::exists(path, ignored) && ::access(path.c_str(), W_OK) != 0) {
    out.not_writable = "the file " + path + " is not writable for this user";
  } else if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    out.not_writable = "the folder " + folder + " is not writable for this user";
  }
  out.cannot_create = out.not_writable;
  return out;
}

}  // namespace

core::Result<DatabaseFacts> ask_database(const core::LedgerConfig& config) {
  const auto url = parse_ledger_url(config.url, {});
  if (!url) return url.error();
  return url->dialect == runtime::SqlDialect::postgresql ? ask_postgresql(url->target, masked_url(config.url)) : look_at_sqlite(url->target);
}

}  // namespace hostler::store
