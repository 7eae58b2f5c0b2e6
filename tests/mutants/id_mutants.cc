// Event ids: where they are claimed, how long they are kept, what is in them.
#include <deque>
#include <string>

#include "mutants/copies.h"

namespace hostler::testing {
namespace {

using runtime::CommitOutcome;
using runtime::LedgerError;
using runtime::LedgerStatus;
using runtime::RowState;

// Claims are committed by themselves; what the claimed records do comes in the next transaction.
class IdsFirst final : public ForwardSession {
 public:
  using ForwardSession::ForwardSession;
  LedgerStatus claim_ids(std::string_view service, std::span<const runtime::IdRow> ids,
                         std::span<std::uint8_t> claimed) override {
    if (auto done = real().claim_ids(service, ids, claimed); !done) return done;
    LedgerError why{LedgerError::Kind::outage, "", "the claims may not have been committed"};
    if (real().commit(&why) != CommitOutcome::committed) return why;
    return real().begin();
  }
};

// An id is taken only while its record is settled or being settled: a retry deletes it, and the copy's outcome claims it anew. The port cannot
// delete an id, so it goes by SQL, which SQLite obeys; the row ledger knows no statements and keeps the id.
class FreedIds final : public ForwardSession {
 public:
  using ForwardSession::ForwardSession;
  LedgerStatus set_id_states(std::string_view service, std::span<const std::string_view> ids,
                             RowState state) override {
    if (state != RowState::retry) {
      std::vector<runtime::IdRow> rows;
      for (const auto id : ids) rows.push_back({id, "", "orders", {0}, {0}});
      std::vector<std::uint8_t> claimed(ids.size());
      if (auto done = real().claim_ids(service, rows, claimed); !done) return done;
      return real().set_id_states(service, ids, state);
    }
    for (const auto id : ids) {
      const std::string sql = "DELETE FROM processed_events WHERE service_name = '" + std::string(service) +
                              "' AND event_id = '" + std::string(id) + "'";
      const runtime::SqlStatement statement{sql, {}};
      if (auto failure = real().run(std::span(&statement, 1))) return std::move(failure->error);
    }
    return LedgerStatus::success();
  }
};

// A copy runs if nobody had this attempt of its event: its claim carries the attempt, and its row is not asked. The number of the first attempt
// is left out, so that everything else finds the ids it knows.
class IdsWithAttempt final : public ForwardSession {
 public:
  IdsWithAttempt(std::unique_ptr<runtime::LedgerSession> real, const CopiesInHand& copies)
      : ForwardSession(std::move(real)), copies_(copies) {}
  runtime::LedgerResult<std::vector<std::optional<runtime::Delegated>>> lock_delegated(
      std::string_view service, std::span<const runtime::OriginKey> origins) override {
    std::deque<std::string> names;
    std::vector<runtime::IdRow> ids;
    for (const auto& origin : origins) {
      const auto& copy = copies_.of(origin);
      const std::string event = copy.event_id.empty() ? std::to_string(origin.partition.value) + "/" +
                                                            std::to_string(origin.offset.value)
                                                      : copy.event_id;
      names.push_back(event + "#" + std::to_string(copy.attempt.value));
      ids.push_back({names.back(), "", origin.topic, origin.partition, origin.offset});
    }
    std::vector<std::uint8_t> claimed(ids.size());
    if (auto done = real().claim_ids(service, ids, claimed); !done) return done.error();
    std::vector<std::optional<runtime::Delegated>> out(origins.size());
    for (std::size_t i = 0; i < origins.size(); ++i) {
      if (claimed[i] != 0) out[i] = copies_.of(origins[i]);
    }
    return out;
  }

 private:
  const CopiesInHand& copies_;
};

} // namespace

MutantPtr ids_outside_transaction() { return session_mutant<IdsFirst>(); }
MutantPtr id_freed_on_retry() { return session_mutant<FreedIds>(); }
MutantPtr dedupe_by_attempt() { return std::make_unique<CopyMutation<IdsWithAttempt>>(); }

} // namespace hostler::testing
