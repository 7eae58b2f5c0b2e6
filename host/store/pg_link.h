// The socket of one connection to PostgreSQL under the ledger's watchdog, and what it means when an answer does not come: an outage that names what
// was asked. Private to store/. Thread-safety: one thread at a time.
#pragma once

#include <libpq-fe.h>

#include <memory>

#include "core/types.h"
#include "runtime/ledger.h"
#include "store/author.h"
#include "store/io_watchdog.h"

namespace hostler::store {

class PgLink {
 public:
  // `connection` outlives every call but the destructor. `patience`: how long one answer may take; 0: for ever.
  PgLink(PGconn* connection, std::shared_ptr<IoWatchdog> watchdog, core::Millis patience);

  // While this lives, the server owes an answer to `question` ("COMMIT", "the fence"; a literal). Answers that come one after another each have the
  // whole time: see heard().
  class Wait {
   public:
    Wait(PgLink& link, const char* question) : link_(link) {
      link_.question_ = question;
      link_.line_.expect(link_.patience_);
    }
    ~Wait() { link_.line_.answered(); }
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

   private:
    PgLink& link_;
  };
  // One of several answers has come.
  void heard() { line_.expect(patience_); }

  [[nodiscard]] PGconn* raw() const { return connection_; }
  [[nodiscard]] bool watched() const { return line_.watched(); }
  void set_patience(core::Millis patience) { patience_ = patience; }
  // The watchdog has shut the socket down.
  [[nodiscard]] bool cut() const { return line_.cut(); }

  // Of a result that is an error; null: the connection was lost.
  [[nodiscard]] runtime::LedgerError error(const PGresult* result, Author author) const;
  // As SOCI's exceptions carry it.
  [[nodiscard]] runtime::LedgerError error(std::string_view sqlstate, std::string_view message, Author author) const;
  [[nodiscard]] runtime::LedgerError lost() const;

 private:
  [[nodiscard]] runtime::LedgerError named(runtime::LedgerError error) const;

  PGconn* const connection_;
  core::Millis patience_;
  IoWatchdog::Line line_;
  const char* question_ = "";
};

}  // namespace hostler::store
