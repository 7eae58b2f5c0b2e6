// Copies and letters: published, released, admitted wrongly.
#include <deque>

#include "mutants/copies.h"

namespace hostler::testing {
namespace {

using runtime::LedgerStatus;
using runtime::PublishFailure;

// Letters that the producer has taken over and nobody waits for. They go out with the host's next turn; what becomes of them nobody hears, and
// with the process they are gone.
struct Unawaited {
  struct Letter {
    std::optional<std::string> key, value;
    runtime::OutRecord record;
  };
  std::deque<Letter> letters;

  void take(const runtime::OutRecord& r) {
    auto& kept = letters.emplace_back();
    kept.record = r;
    if (!r.key.is_null()) kept.record.key = core::Bytes(kept.key.emplace(r.key.view()));
    if (!r.value.is_null()) kept.record.value = core::Bytes(kept.value.emplace(r.value.view()));
  }
};

class UnawaitedPublisher final : public runtime::Publisher {
 public:
  UnawaitedPublisher(runtime::Publisher& real, Unawaited& unawaited) : real_(real), unawaited_(unawaited) {}
  std::vector<PublishFailure> publish(std::span<const runtime::OutRecord> records) override {
    std::vector<runtime::OutRecord> awaited;
    std::vector<std::size_t> indexes;
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (records[i].topic.ends_with(".dlq")) {
        unawaited_.take(records[i]);
        continue;
      }
      awaited.push_back(records[i]);
      indexes.push_back(i);
    }
    if (awaited.empty()) return {};
    auto failures = real_.publish(awaited);
    for (auto& f : failures) f.index = indexes[f.index];
    return failures;
  }
  void send() {
    for (; !unawaited_.letters.empty(); unawaited_.letters.pop_front()) {
      static_cast<void>(real_.publish(std::span(&unawaited_.letters.front().record, 1)));
    }
  }

 private:
  runtime::Publisher& real_;
  Unawaited& unawaited_;
};

class LetterNotAwaited final : public Mutation {
 public:
  using Mutation::of;
  runtime::Publisher& of(runtime::Publisher& publisher) override {
    publisher_ = std::make_unique<UnawaitedPublisher>(publisher, unawaited_);
    return *publisher_;
  }
  runtime::Source& of(runtime::Source& source) override {
    source_ = std::make_unique<Source>(source, publisher_);
    return *source_;
  }

 private:
  class Source final : public ForwardSource {
   public:
    Source(runtime::Source& real, const std::unique_ptr<UnawaitedPublisher>& publisher)
        : ForwardSource(real), publisher_(publisher) {}
    bool poll(core::Batch& out, std::size_t max_records, core::Millis max_wait, core::Millis wait) override {
      if (publisher_ != nullptr) publisher_->send();
      return real().poll(out, max_records, max_wait, wait);
    }

   private:
    const std::unique_ptr<UnawaitedPublisher>& publisher_;
  };
  Unawaited unawaited_;
  std::unique_ptr<UnawaitedPublisher> publisher_;
  std::unique_ptr<Source> source_;
};

// The retry consumer's wall clock is an hour ahead of everybody's.
class RetryReleasedEarly final : public Mutation {
 public:
  using Mutation::of;
  runtime::Clock& of(runtime::Clock& clock) override {
    clock_ = std::make_unique<Ahead>(clock);
    return *clock_;
  }

 private:
  class Ahead final : public runtime::Clock {
   public:
    explicit Ahead(runtime::Clock& real) : real_(real) {}
    [[nodiscard]] core::Timestamp now() const override { return real_.now() + std::chrono::hours(1); }
    [[nodiscard]] core::SteadyTime steady() const override { return real_.steady(); }
    void wait(core::Millis time) override { real_.wait(time); }

   private:
    runtime::Clock& real_;
  };
  std::unique_ptr<Ahead> clock_;
};

// A copy without a row is believed what its headers say.
class BelievesCopies final : public ForwardSession {
 public:
  BelievesCopies(std::unique_ptr<runtime::LedgerSession> real, const CopiesInHand& copies)
      : ForwardSession(std::move(real)), copies_(copies) {}
  runtime::LedgerResult<std::vector<std::optional<runtime::Delegated>>> lock_delegated(
      std::string_view service, std::span<const runtime::OriginKey> origins) override {
    auto rows = real().lock_delegated(service, origins);
    if (!rows) return rows;
    for (std::size_t i = 0; i < origins.size(); ++i) {
      if (!(*rows)[i]) (*rows)[i] = copies_.of(origins[i]);
    }
    return rows;
  }

 private:
  const CopiesInHand& copies_;
};

// A missing row is looked for again at once, and not behind whoever may be about to commit it.
class NoBarrier final : public ForwardSession {
 public:
  using ForwardSession::ForwardSession;
  LedgerStatus barrier(std::string_view, std::span<const runtime::MarkKey>) override {
    return LedgerStatus::success();
  }
};

} // namespace

MutantPtr letter_not_awaited() { return std::make_unique<LetterNotAwaited>(); }
MutantPtr retry_released_early() { return std::make_unique<RetryReleasedEarly>(); }
MutantPtr copy_without_delegation() { return std::make_unique<CopyMutation<BelievesCopies>>(); }
MutantPtr copy_dropped_without_barrier() { return session_mutant<NoBarrier>(); }

} // namespace hostler::testing
