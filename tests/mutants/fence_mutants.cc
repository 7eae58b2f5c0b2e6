// The fence, and a COMMIT of which nobody knows.
#include <optional>

#include "mutants/mutants.h"
#include "runtime/transaction.h"

namespace hostler::testing {
namespace {

using runtime::CommitOutcome;

// UPDATE hostler_mark SET next_offset = :new, without asking what it was. Through the port that is: compare with what is committed, again and
// again until nobody came in between.
class BareUpdate final : public ForwardSession {
 public:
  BareUpdate(std::unique_ptr<runtime::LedgerSession> real, const Mutation::Marks& marks)
      : ForwardSession(std::move(real)), marks_(marks) {}
  runtime::LedgerResult<bool> fence(std::string_view service, const runtime::MarkMove& move) override {
    auto now = move;
    for (;;) {
      auto held = real().fence(service, now);
      if (!held || *held) return held;
      now.from = marks_(move.key.partition.value);
    }
  }

 private:
  const Mutation::Marks marks_;
};

// The mark is compared and locked at the end, when copies and letters are published already.
class LateFence final : public ForwardSession {
 public:
  using ForwardSession::ForwardSession;
  runtime::LedgerResult<bool> fence(std::string_view service, const runtime::MarkMove& move) override {
    service_ = service;
    move_ = move;
    return true;
  }
  void rollback() override {
    move_.reset();
    real().rollback();
  }
  CommitOutcome commit(runtime::LedgerError* why) override {
    if (const auto move = std::exchange(move_, std::nullopt)) {
      auto held = real().fence(service_, *move);
      if (!held || !*held) real().rollback();
      if (!held) {
        if (why != nullptr) *why = held.error();
        return CommitOutcome::failed;
      }
      if (!*held)
        return CommitOutcome::
            unknown; // stale: makes the pipeline do what it does after a stale fence, look at the mark
    }
    return real().commit(why);
  }

 private:
  std::string service_;
  std::optional<runtime::MarkMove> move_;
};

// With a ledger: whoever gets no answer takes it for a yes, and goes on with the next batch.
class AssumedCommit final : public ForwardSession {
 public:
  using ForwardSession::ForwardSession;
  CommitOutcome commit(runtime::LedgerError* why) override {
    const auto outcome = real().commit(why);
    return outcome == CommitOutcome::unknown ? CommitOutcome::committed : outcome;
  }
};

// Without one: whoever gets no answer takes it for a no, and does the same transaction again. The port looks by itself where the group's offset is;
// what it finds is not listened to.
class RepeatedTransaction final : public runtime::Transaction {
 public:
  explicit RepeatedTransaction(runtime::Transaction& real) : real_(real) {}
  Beginning begin(const core::Batch& batch, core::Offset next) override {
    auto begun = real_.begin(batch, next);
    if (!in_doubt_ || begun.kind == Beginning::Kind::failed) return begun;
    in_doubt_ = false;
    return begun.kind == Beginning::Kind::begun ? begun : real_.begin(batch, next);
  }
  std::vector<runtime::PublishFailure> publish(std::span<const runtime::OutRecord> records) override {
    return real_.publish(records);
  }
  core::Status<> send_offset() override { return real_.send_offset(); }
  CommitOutcome commit(std::string* why) override {
    const auto outcome = real_.commit(why);
    in_doubt_ = outcome == CommitOutcome::unknown;
    return outcome;
  }
  void abort() override { real_.abort(); }

 private:
  runtime::Transaction& real_;
  bool in_doubt_ = false;
};

class AmbiguousTransactionReused final : public SessionMutation {
 public:
  AmbiguousTransactionReused()
      : SessionMutation([](auto real) { return std::make_unique<AssumedCommit>(std::move(real)); }) {}
  using SessionMutation::of;
  runtime::Source& of(runtime::Source& source) override {
    if (source.transaction() == nullptr) return source;
    source_ = std::make_unique<Source>(source);
    return *source_;
  }

 private:
  class Source final : public ForwardSource {
   public:
    explicit Source(runtime::Source& real) : ForwardSource(real), transaction_(*real.transaction()) {}
    [[nodiscard]] runtime::Transaction* transaction() override { return &transaction_; }

   private:
    RepeatedTransaction transaction_;
  };
  std::unique_ptr<Source> source_;
};

} // namespace

MutantPtr no_compare_and_set(const Mutation::Marks& marks) {
  return std::make_unique<SessionMutation>(
      [marks](auto real) { return std::make_unique<BareUpdate>(std::move(real), marks); });
}
MutantPtr published_before_fence() { return session_mutant<LateFence>(); }
MutantPtr ambiguous_transaction_reused() { return std::make_unique<AmbiguousTransactionReused>(); }

} // namespace hostler::testing
