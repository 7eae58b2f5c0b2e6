// effects = "kafka" on a real broker: whatever dies, fails or is held up, readers of committed records find each event's outcome once.
#include <csignal>

#include "flow/transactions.h"
#include "support/catch.h"

using namespace hostler::flow;

namespace {

void must_be_right(TransactionWorld& w, std::size_t records = 300) {
  REQUIRE(w.settles());
  const auto found = w.judge();
  INFO(found.text());
  CHECK(found.records == records);
  CHECK(found.outputs > records * 3 / 4);
  CHECK(found.letters > 0);
  CHECK(found.good());
}

}  // namespace

TEST_CASE("transactions: each event is published once in order, or dead-lettered once, and retried copies run once") {
  TransactionWorld w;
  w.produce(300);
  Host host = w.host();
  must_be_right(w);
  CHECK(w.judge().aborted == 0);
  CHECK(host.leave() == 0);
  must_be_right(w);
}
