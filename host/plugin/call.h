// One process_batch call as the services see it: what a handler enqueues, publishes, explains and asks while it runs, kept with the
// record it belongs to. Lives as long as its lane; reset per call. One thread.
#pragma once

#include <hostler/ext/headers.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/arena.h"
#include "core/disposition.h"
#include "runtime/lane.h"
#include "runtime/ledger.h"
#include "runtime/progress.h"
#include "runtime/settlement.h"

namespace hostler::plugin {

// A message kept with its record (hostler.publish/1).
struct KeptMessage {
  std::size_t record = 0;  // slice index
  runtime::OutRecord message;
};

// A query that failed: the transaction is lost, and this record is why.
struct BrokenBy {
  std::size_t record = 0;
  runtime::LedgerError error;
};

struct Call {
  // -- what runs --
  runtime::Slice slice;
  std::vector<std::size_t> records;           // border index -> slice index
  runtime::LedgerSession* session = nullptr;  // open while the handler runs, for queries; else null
  std::chrono::steady_clock::time_point deadline{};
  bool running = false;
  runtime::LaneProgress* progress = nullptr;  // may be null; the same for all calls

  // -- what the handler left --
  core::TextArena texts;
  std::vector<std::vector<runtime::SqlValue>> parameters;  // of statements[i]
  std::vector<runtime::EnqueuedStatement> statements;
  std::vector<KeptMessage> messages;
  std::map<std::size_t, core::VerdictDetail> details;      // by slice index
  std::map<std::size_t, std::string> refused;              // records whose service call was refused, and why
  std::map<std::size_t, std::vector<hostler_header>> headers;
  std::optional<BrokenBy> broken;
  bool queried = false, wrote_by_query = false;

  void reset() {
    texts.clear();
    used_parameters = 0;
    statements.clear();
    messages.clear();
    details.clear();
    refused.clear();
    headers.clear();
    broken.reset();
    queried = wrote_by_query = false;
    last_sql = {};
  }

  std::size_t used_parameters = 0;  // lists of `parameters` in use; the rest is kept for its memory
  std::string_view last_sql;        // as kept; most records enqueue the same text
};

}  // namespace hostler::plugin
