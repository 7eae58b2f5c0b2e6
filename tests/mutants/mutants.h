// The defects, one function each; private to this folder.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "mutants/forward.h"
#include "mutants/mutation.h"

namespace hostler::testing {

using MutantPtr = std::unique_ptr<Mutation>;

// offset_mutants.cc
MutantPtr offset_before_database();
MutantPtr offset_past_record_in_flight();
// fence_mutants.cc
MutantPtr no_compare_and_set(const Mutation::Marks& marks);
MutantPtr published_before_fence();
MutantPtr ambiguous_transaction_reused();
// id_mutants.cc
MutantPtr ids_outside_transaction();
MutantPtr id_freed_on_retry();
MutantPtr dedupe_by_attempt();
// copy_mutants.cc
MutantPtr letter_not_awaited();
MutantPtr retry_released_early();
MutantPtr copy_without_delegation();
MutantPtr copy_dropped_without_barrier();
// suspect_mutants.cc
MutantPtr suspects_kept_locally(const std::filesystem::path& state);

// A defect of the ledger's sessions: each that is leased goes through `wrap`.
class SessionMutation : public Mutation {
 public:
  using Wrap =
      std::function<std::unique_ptr<runtime::LedgerSession>(std::unique_ptr<runtime::LedgerSession>)>;
  explicit SessionMutation(Wrap wrap) : wrap_(std::move(wrap)) {}
  using Mutation::of;
  runtime::Ledger& of(runtime::Ledger& ledger) override {
    ledger_ = std::make_unique<Wrapped>(ledger, wrap_);
    return *ledger_;
  }

 private:
  class Wrapped final : public ForwardLedger {
   public:
    Wrapped(runtime::Ledger& real, const Wrap& wrap) : ForwardLedger(real), wrap_(wrap) {}
    std::unique_ptr<runtime::LedgerSession> lease() override { return wrap_(real().lease()); }

   private:
    const Wrap& wrap_;
  };
  const Wrap wrap_;
  std::unique_ptr<Wrapped> ledger_;
};

// … with a session class that needs nothing but the real one.
template <class Session>
MutantPtr session_mutant() {
  return std::make_unique<SessionMutation>(
      [](auto real) { return std::make_unique<Session>(std::move(real)); });
}

} // namespace hostler::testing
