// How connections of one ledger are made and what bounds them. Shared by its sessions, which may outlive it. Private to store/. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "core/types.h"
#include "store/io_watchdog.h"
#include "store/ledger_url.h"

namespace hostler::store {

struct PgAccess {
  // `url` was parsed with the same options.
  PgAccess(LedgerUrl url, const LedgerOptions& options);

  const std::string conninfo;                 // holds the password
  const core::Millis answer_timeout;          // of sessions; 0: for ever
  const core::Millis probe_timeout;
  const core::Millis connect_limit;           // for all hosts of the URL together; 0: for ever
  const std::shared_ptr<IoWatchdog> watchdog;
  mutable std::atomic<int> left_behind{0};    // attempts to connect that nobody waits for any more
};

}  // namespace hostler::store
