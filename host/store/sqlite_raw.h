// SQLite's own interface, for what SOCI does not offer: handlers' statements, BEGIN IMMEDIATE, COMMIT with its result, the state of the transaction.
// SOCI includes <sqlite3.h> inside a namespace, so the two headers never meet: the handle travels as void*. Private to store/.
// Thread-safety: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/ledger.h"
#include "store/author.h"

namespace hostler::store {

// Of a primary or extended result code; the message is the library's, which holds no values.
[[nodiscard]] runtime::LedgerError sqlite_error(int code, std::string_view message, Author author);

class SqliteRaw {
 public:
  // `db` is a sqlite3* that outlives this.
  explicit SqliteRaw(void* db);
  ~SqliteRaw();
  SqliteRaw(const SqliteRaw&) = delete;
  SqliteRaw& operator=(const SqliteRaw&) = delete;

  // One or more statements without parameters; rows are ignored.
  std::optional<runtime::LedgerError> exec(const char* sql, Author author = Author::ledger);
  // Writes what the open transaction has changed so far to the file, before COMMIT.
  std::optional<runtime::LedgerError> flush();
  // No transaction is open. After a full disk SQLite has rolled back by itself, and what follows would commit by itself.
  [[nodiscard]] bool autocommit() const;

  std::optional<runtime::LedgerError> run(const runtime::SqlStatement& statement);
  // `read_only`: refused unless SQLite says that the statement writes nothing.
  runtime::LedgerResult<std::size_t> query(const runtime::SqlStatement& statement, bool read_only, const runtime::SqlRow& on_row);
  // Foreign keys checked at COMMIT would fail it now.
  [[nodiscard]] bool deferred_violations() const;

  struct ScriptFailure {
    runtime::LedgerError error;
    std::size_t offset;  // byte in the script
  };
  // Many statements without parameters, for the migrator; stops at the first failure.
  std::optional<ScriptFailure> run_script(std::string_view sql);
  // Columns as text, NULL as empty; parameters are ?1, ?2, …; for the migrator's journal.
  std::optional<runtime::LedgerError> rows(const std::string& sql, const std::vector<std::string>& params,
                                           const std::function<void(const std::vector<std::string>&)>& row);

 private:
  struct Prepared {
    void* statement = nullptr;     // sqlite3_stmt
    std::vector<int> numbers;      // parameter i+1 is $numbers[i]
    int parameters = 0;            // the highest $k
    bool reads_only = false;
  };
  runtime::LedgerResult<Prepared*> prepare(std::string_view sql);
  std::optional<runtime::LedgerError> bind(const Prepared& prepared, std::span<const runtime::SqlValue> params);
  runtime::LedgerError last_error(Author author) const;
  void forget_statements();

  void* db_;
  std::map<std::string, Prepared, std::less<>> cache_;
};

}  // namespace hostler::store
