#include "store/pg_access.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace hostler::store {
namespace {

// A tenth late is early enough, and nobody wants to be woken for less than a quarter of a second.
core::Millis tick_of(const LedgerOptions& options) {
  const auto shortest = options.answer_timeout.count() == 0 ? options.probe_timeout : std::min(options.answer_timeout, options.probe_timeout);
  return std::clamp<core::Millis>(shortest / 10, std::chrono::milliseconds(10), std::chrono::milliseconds(250));
}

}  // namespace

PgAccess::PgAccess(LedgerUrl url, const LedgerOptions& options)
    : conninfo(std::move(url.target)),
      answer_timeout(options.answer_timeout),
      probe_timeout(options.probe_timeout),
      connect_limit(url.connect_limit),
      watchdog(std::make_shared<IoWatchdog>(tick_of(options))) {}

}  // namespace hostler::store
