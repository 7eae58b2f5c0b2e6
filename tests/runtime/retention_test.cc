// The thread that makes a ledger forget.
#include "runtime/retention.h"

#include <map>
#include <mutex>

#include "core/retention.h"
#include "fakes/memory_ledger.h"
#include "support/catch.h"
#include "support/wait.h"

using namespace hostler;
using namespace hostler::testing;
using Call = MemoryLedger::Call;

namespace {

constexpr std::chrono::hours day{24};

core::HandlerConfig handler(const std::string& name) {
  core::HandlerConfig h;
  h.name = name;
  return h;
}

class ExpiryObserver final : public runtime::Observer {
 public:
  void batch_settled(std::string_view, const core::TopicPartition&, int, const runtime::SettledCounts&, core::Millis) override {}
  void record_noted(const runtime::RecordNote&) override {}
  void intake(std::string_view, std::string_view) override {}
  void expired(std::string_view ledger, std::string_view table, std::uint64_t rows) override {
    const std::lock_guard lock(mutex_);
    counts_[std::string(ledger) + "/" + std::string(table)] += rows;
  }
  std::uint64_t count(const std::string& of) {
    const std::lock_guard lock(mutex_);
    return counts_[of];
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::uint64_t> counts_;  // guarded by mutex_
};

struct Forgetting {
  core::HostConfig host;
  MemoryLedger ledger;
  ExpiryObserver observer;

  void claim(const std::string& service, int count, std::chrono::hours age) {
    std::vector<std::string> names;
    std::vector<runtime::IdRow> rows;
    for (int i = 0; i < count; ++i) names.push_back("evt-" + std::to_string(i));
    for (const auto& name : names) rows.push_back({name, "", "orders", {0}, {0}});
    std::vector<std::uint8_t> flags(rows.size());
    auto session = ledger.lease();
    REQUIRE(session->begin().ok());
    REQUIRE(session->claim_ids(service, rows, flags).ok());
    REQUIRE(session->commit(nullptr) == runtime::CommitOutcome::committed);
    ledger.make_older(service, age);
  }
  std::size_t left(const std::string& service) const {
    std::size_t count = 0;
    for (const auto& [key, id] : ledger.ids()) count += key.first == service;
    return count;
  }
  runtime::RetentionParts parts(const std::string& name = "") {
    runtime::RetentionParts p{name, ledger, host, observer};
    p.between_steps = core::Millis(1);
    p.rows_per_step = 10;
    return p;
  }
};

}  // namespace

TEST_CASE("a host forgets what its own running handlers settled in that ledger") {
  Forgetting f;
  f.host.ledger.retention = 30 * day;
  f.host.ledgers["audit"].retention = day;
  auto elsewhere = handler("elsewhere"), stopped = handler("stopped"), bare = handler("bare");
  elsewhere.ledger = "audit";
  stopped.enabled = false;
  bare.idempotency = core::Idempotency::off;
  f.host.handlers = {handler("users"), handler("mails"), elsewhere, stopped, bare};
  for (const auto* service : {"users", "elsewhere", "stopped", "bare", "somebody"}) f.claim(service, 25, 31 * day);
  f.claim("mails", 25, 29 * day);

  runtime::Retention retention(f.parts());
  retention.start();
  CHECK(eventually(10s, [&] { return f.left("users") == 0; }));
  CHECK(eventually(10s, [&] { return f.observer.count("/processed_events") == 25; }));
  retention.stop();
  for (const auto* service : {"mails", "elsewhere", "stopped", "bare", "somebody"}) CHECK(f.left(service) == 25);

  runtime::Retention audit(f.parts("audit"));
  audit.start();
  CHECK(eventually(10s, [&] { return f.left("elsewhere") == 0; }));
  CHECK(eventually(10s, [&] { return f.observer.count("audit/processed_events") == 25; }));
  CHECK(f.left("mails") == 25);
}

TEST_CASE("a database that fails ends a pass, the next one goes on") {
  Forgetting f;
  f.host.handlers = {handler("users")};
  f.claim("users", 25, 31 * day);
  f.ledger.fail_next(Call::expire, runtime::LedgerError::Kind::outage);
  f.ledger.fail_next(Call::expire, runtime::LedgerError::Kind::again);
  auto parts = f.parts();
  parts.between_passes = core::Millis(1);
  runtime::Retention retention(parts);
  retention.start();
  CHECK(eventually(10s, [&] { return f.left("users") == 0; }));
}

TEST_CASE("a host that meets another one at the same work leaves it to that one until its next pass") {
  Forgetting f;
  f.host.handlers = {handler("users")};
  f.claim("users", 25, 31 * day);
  f.ledger.expire_elsewhere_next();
  runtime::Retention retention(f.parts());
  retention.start();
  REQUIRE(eventually(10s, [&] { return f.ledger.calls(Call::expire) == 1; }));
  CHECK(stays(200ms, [&] { return f.ledger.calls(Call::expire) == 1; }));
  CHECK(f.left("users") == 25);
}

TEST_CASE("between steps and between passes it stops at once") {
  Forgetting f;
  f.host.handlers = {handler("users")};
  f.claim("users", 25, 31 * day);
  auto parts = f.parts();
  parts.between_steps = std::chrono::hours(1);
  {
    runtime::Retention retention(parts);
    retention.start();
    REQUIRE(eventually(10s, [&] { return f.ledger.calls(Call::expire) == 1; }));
  }
  CHECK(f.ledger.calls(Call::expire) == 1);
  parts.between_steps = core::Millis(1);
  runtime::Retention retention(parts);
  retention.start();
  REQUIRE(eventually(10s, [&] { return f.left("users") == 0; }));
  retention.ask_to_stop();
  retention.stop();
  const auto calls = f.ledger.calls(Call::expire);
  CHECK(calls <= 1 + 1 + 4);
}

TEST_CASE("one that was never started ends") {
  Forgetting f;
  const runtime::Retention retention(f.parts());
}
