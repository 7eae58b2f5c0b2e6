#include "core/retention.h"

#include "support/catch.h"

using namespace hostler::core;
using namespace std::chrono_literals;

TEST_CASE("a retry topic keeps its copies for ten delays, at least a week") {
  CHECK(tier_retention({"1m", 1min}) == 168h);
  CHECK(tier_retention({"17h", 17h}) == 170h);
}

TEST_CASE("the row of a dead record outlives its letter by what the replay of it may take") {
  HandlerConfig handler;
  LedgerConfig ledger;
  handler.dead_letter.retention = 240h;
  ledger.retention = 100h;
  handler.retry.delays = {{"1m", 1min}, {"100h", 100h}};  // a replay begins in the first tier
  CHECK(dead_row_retention(handler, ledger) == 240h + 168h);
  handler.retry.delays = {{"100h", 100h}};
  CHECK(dead_row_retention(handler, ledger) == 240h + 1000h);
  handler.retry.delays.clear();
  CHECK(dead_row_retention(handler, ledger) == 240h + 168h);
  ledger.retention = 500h;  // and is not forgotten before a settled one
  CHECK(dead_row_retention(handler, ledger) == 500h + 168h);
}
