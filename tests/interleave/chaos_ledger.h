// A ledger between the host and a real one (row locks in memory, SQLite) that lets other actors on before every call, and fails: the process dies,
// the session is killed under a host that lives, a deadlock, an outage, a COMMIT whose reply is lost, with effect, without, or decided later.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "interleave/world.h"
#include "runtime/ledger.h"

namespace hostler::testing {

class ChaosLedger final : public runtime::Ledger {
 public:
  // `one_writer`: the inner ledger would block the thread that begins a second transaction (SQLite); here its actor waits instead.
  ChaosLedger(World& world, runtime::Ledger& inner, bool one_writer) : world_(world), inner_(inner), one_writer_(one_writer) {}

  [[nodiscard]] runtime::SqlDialect dialect() const override { return inner_.dialect(); }
  std::unique_ptr<runtime::LedgerSession> lease() override;
  runtime::LedgerResult<std::vector<core::Mark>> take_over(std::string_view service, std::string_view cluster_id,
                                                           std::span<const runtime::TakeOver> partitions) override;
  runtime::LedgerStatus add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) override;
  runtime::LedgerResult<std::vector<runtime::Suspect>> suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions) override;
  runtime::LedgerResult<runtime::Expired> expire(std::span<const runtime::ExpiryRule>, runtime::ExpiryPlace, std::uint32_t) override { return runtime::Expired{}; }  // nothing is old here
  runtime::LedgerOperations& operations() override { return inner_.operations(); }
  runtime::LedgerStatus probe() override { return runtime::LedgerStatus::success(); }

  // Kills an open session, or decides what became of a COMMIT in doubt. [test's thread, while all actors rest]
  void strike();
  void decide_doubts();
  // A COMMIT is in doubt: whoever waits for its locks will go on.
  [[nodiscard]] bool in_doubt() const { return !doubts_.empty(); }

 private:
  class Session;
  void wait_for_writer();

  World& world_;
  runtime::Ledger& inner_;
  const bool one_writer_;
  const Session* writer_ = nullptr;                               // SQLite: who is in a transaction
  std::list<Session*> sessions_;
  std::vector<std::unique_ptr<runtime::LedgerSession>> doubts_;   // COMMIT under way, nobody waits for it
};

}  // namespace hostler::testing
