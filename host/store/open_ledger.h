// Opens the ledger of the configuration: the one way from a URL to a runtime::Ledger. Used by cli/wire.cc, the commands and tests.
// Thread-safety: open_ledger from any thread; the ledger is thread-safe.
#pragma once

#include <memory>
#include <string>

#include "core/host_config.h"
#include "core/result.h"
#include "core/types.h"
#include "runtime/ledger.h"

namespace hostler::store {

// What the URL does not say. A parameter that a postgresql:// URL names itself wins over these.
struct LedgerOptions {
  std::string application_name = "hostler";
  core::Millis connect_timeout = std::chrono::seconds(5);    // PostgreSQL: per address of the URL; whole seconds, at least 2
  core::Millis tcp_user_timeout = std::chrono::seconds(15);  // PostgreSQL: unacknowledged data for so long breaks the connection; 0: the kernel's
  // PostgreSQL: the server ends a transaction that does nothing for so long, so that a paused host cannot hold locks for ever. 0: never.
  // The host gives handler deadline + produce timeout + 10 s.
  core::Millis idle_in_transaction_timeout{0};
  // PostgreSQL: how long one answer may take; then the connection is cut, which is an outage (during COMMIT: unknown). The server is told to give up
  // waiting for a lock, and the statement, a little earlier, unless its role says sooner. 0: for ever.
  // The host gives the longest handler deadline + 10 s.
  core::Millis answer_timeout = std::chrono::seconds(60);
  core::Millis probe_timeout = std::chrono::seconds(3);      // the same for Ledger::probe; SQLite: as the next, for it
  core::Millis busy_timeout = std::chrono::seconds(10);      // SQLite: how long to wait for a writer outside this host
};

// postgresql:// and postgres:// go to libpq as they are; nothing is connected yet, so that a host can start while its database is down.
// sqlite:///path is opened (and created) at once and belongs to this process until the last ledger and migrator on it are gone.
// Errors: empty or unknown scheme, a URL libpq cannot read, a path that cannot be opened, a file that another process holds (with its pid).
// No message holds a password.
core::Result<std::unique_ptr<runtime::Ledger>> open_ledger(const core::LedgerConfig& config, const LedgerOptions& options = {});

// The URL with its password masked, for messages and `check --show`.
[[nodiscard]] std::string masked_url(const std::string& url);

}  // namespace hostler::store
