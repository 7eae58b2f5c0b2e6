#include "interleave/chaos_ledger.h"

#include <utility>

namespace hostler::testing {

using runtime::CommitOutcome;
using runtime::LedgerStatus;
using Error = runtime::LedgerError;

class ChaosLedger::Session final : public runtime::LedgerSession {
 public:
  Session(ChaosLedger& l, std::unique_ptr<runtime::LedgerSession> inner) : l_(l), inner_(std::move(inner)) { here_ = l_.sessions_.insert(l_.sessions_.end(), this); }
  ~Session() override {
    l_.sessions_.erase(here_);
    close();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  LedgerStatus begin() override {
    l_.world_.point("BEGIN");
    if (l_.world_.trouble(l_.world_.troubles.outage)) return outage();
    if (l_.one_writer_) l_.wait_for_writer();
    if (!inner_) inner_ = l_.inner_.lease();
    auto begun = inner_->begin();
    open_ = begun.ok();
    dead_.reset();
    if (open_ && l_.one_writer_) l_.writer_ = this;
    return begun;
  }

  void rollback() override {
    if (open_) l_.world_.tell("ROLLBACK");
    close();
  }

  CommitOutcome commit(Error* why) override {
    l_.world_.point("COMMIT");
    if (dead_ || !inner_) {
      if (why != nullptr) *why = dead_.value_or(outage());
      close();
      return CommitOutcome::failed;
    }
    if (open_ && l_.world_.trouble(l_.world_.troubles.lost_reply)) return lose_reply(why);
    const auto outcome = inner_->commit(why);
    close();
    l_.world_.tell(outcome == CommitOutcome::committed ? "… COMMITTED" : "… NOT COMMITTED");
    l_.world_.point("knows that it has committed");
    return outcome;
  }

  [[nodiscard]] bool in_transaction() const override { return open_; }

  LedgerStatus find_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> settled) override {
    l_.world_.point("looks ids up");
    if (!inner_) inner_ = l_.inner_.lease();
    return inner_->find_ids(service, ids, settled);
  }
  LedgerStatus claim_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> claimed) override {
    return call<LedgerStatus>("claims ids", [&] { return inner_->claim_ids(service, ids, claimed); });
  }
  LedgerStatus set_id_states(std::string_view service, std::span<const std::string_view> ids, runtime::RowState state) override {
    return call<LedgerStatus>("sets states of ids", [&] { return inner_->set_id_states(service, ids, state); });
  }
  runtime::LedgerResult<bool> fence(std::string_view service, const runtime::MarkMove& move) override {
    const std::string what = "fences " + std::to_string(move.key.partition.value) + ": " + std::to_string(move.from.next.value) + " -> " + std::to_string(move.to.value);
    return call<runtime::LedgerResult<bool>>(what, [&] { return inner_->fence(service, move); });
  }
  LedgerStatus barrier(std::string_view service, std::span<const runtime::MarkKey> marks) override {
    l_.world_.point("passes the barrier");
    if (l_.one_writer_) l_.wait_for_writer();
    if (!inner_) inner_ = l_.inner_.lease();
    return inner_->barrier(service, marks);
  }
  runtime::LedgerResult<std::vector<std::optional<runtime::Delegated>>> lock_delegated(std::string_view service,
                                                                                       std::span<const runtime::OriginKey> origins) override {
    return call<runtime::LedgerResult<std::vector<std::optional<runtime::Delegated>>>>("locks rows", [&] { return inner_->lock_delegated(service, origins); });
  }
  LedgerStatus write_delegated(std::string_view service, std::span<const runtime::Delegation> rows) override {
    return call<LedgerStatus>("writes rows", [&] { return inner_->write_delegated(service, rows); });
  }
  LedgerStatus erase_delegated(std::string_view service, std::span<const runtime::OriginKey> origins) override {
    return call<LedgerStatus>("erases rows", [&] { return inner_->erase_delegated(service, origins); });
  }
  LedgerStatus erase_suspects(std::string_view service, std::span<const runtime::OriginKey> places) override {
    return call<LedgerStatus>("erases suspects", [&] { return inner_->erase_suspects(service, places); });
  }
  std::optional<runtime::StatementFailure> run(std::span<const runtime::SqlStatement> statements) override {
    if (auto error = trouble("runs statements")) return runtime::StatementFailure{0, *error};
    return inner_->run(statements);
  }
  runtime::LedgerResult<std::size_t> query(const runtime::SqlStatement& statement, bool read_only, const runtime::SqlRow& on_row) override {
    return call<runtime::LedgerResult<std::size_t>>("queries", [&] { return inner_->query(statement, read_only, on_row); });
  }
  runtime::LedgerResult<bool> same_transaction() override { return inner_ && !dead_ ? inner_->same_transaction() : runtime::LedgerResult<bool>(false); }

  // The server ends the session; whoever uses it hears of it at its next call.
  [[nodiscard]] bool can_be_killed() const { return open_ && !dead_ && !in_call_; }
  void kill(Error error) {
    dead_ = std::move(error);
    release();
  }

 private:
  static Error outage() { return {Error::Kind::outage, "57P01", "injected: the session was terminated"}; }

  std::optional<Error> trouble(const std::string& what) {
    auto& world = l_.world_;
    world.point(what);
    if (dead_ || !open_) return dead_.value_or(outage());
    if (world.trouble(world.troubles.kill_session)) kill(outage());
    else if (world.trouble(world.troubles.again)) kill({Error::Kind::again, "40P01", "injected: deadlock detected"});
    if (dead_) world.tell("… " + dead_->message);
    return dead_;
  }
  template <class Result, class Call>
  Result call(const std::string& what, Call&& inner) {
    if (auto error = trouble(what)) return std::move(*error);
    in_call_ = true;  // it may wait for a lock
    struct Left {
      bool& flag;
      ~Left() { flag = false; }
    } left{in_call_};
    return inner();
  }

  CommitOutcome lose_reply(Error* why) {
    auto& world = l_.world_;
    if (why != nullptr) *why = outage();
    const auto what = world.chance.below(l_.one_writer_ ? 2 : 3);
    world.tell(what == 0 ? "… LOST, took effect" : what == 1 ? "… LOST, without effect" : "… LOST, decided later");
    if (what == 0) inner_->commit(nullptr);
    else if (what == 1) inner_->rollback();
    else l_.doubts_.push_back(std::move(inner_));
    close();
    world.point("knows nothing of its COMMIT");
    return CommitOutcome::unknown;
  }

  void release() {
    if (inner_ && inner_->in_transaction()) inner_->rollback();
    if (l_.writer_ == this) l_.writer_ = nullptr;
  }
  void close() {
    release();
    open_ = false;
    dead_.reset();
  }

  ChaosLedger& l_;
  std::unique_ptr<runtime::LedgerSession> inner_;  // null after a lost reply: the next begin() connects anew
  std::list<Session*>::iterator here_;
  bool open_ = false, in_call_ = false;
  std::optional<Error> dead_;
};

std::unique_ptr<runtime::LedgerSession> ChaosLedger::lease() { return std::make_unique<Session>(*this, inner_.lease()); }

void ChaosLedger::wait_for_writer() {
  world_.baton.wait([this] { return writer_ == nullptr; });
}

runtime::LedgerResult<std::vector<core::Mark>> ChaosLedger::take_over(std::string_view service, std::string_view cluster_id,
                                                                      std::span<const runtime::TakeOver> partitions) {
  world_.point("takes over");
  if (world_.trouble(world_.troubles.outage)) return Error{Error::Kind::outage, "08006", "injected: no connection"};
  if (one_writer_) wait_for_writer();
  auto marks = inner_.take_over(service, cluster_id, partitions);
  if (marks) world_.tell("… took over at " + std::to_string(marks->front().next.value) + ", epoch " + std::to_string(marks->front().epoch));
  return marks;
}

LedgerStatus ChaosLedger::add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects) {
  world_.point("adds suspects");
  if (world_.trouble(world_.troubles.outage)) return Error{Error::Kind::outage, "08006", "injected: no connection"};
  if (one_writer_) wait_for_writer();
  auto added = inner_.add_suspects(run, suspects);
  world_.point("has told its suspects");
  return added;
}

runtime::LedgerResult<std::vector<runtime::Suspect>> ChaosLedger::suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions) {
  world_.point("looks suspects up");
  if (world_.trouble(world_.troubles.outage)) return Error{Error::Kind::outage, "08006", "injected: no connection"};
  if (one_writer_) wait_for_writer();
  return inner_.suspects(service, partitions);
}

void ChaosLedger::strike() {
  if (!doubts_.empty() && world_.chance.in(20)) {
    auto doubt = std::move(doubts_.back());
    doubts_.pop_back();
    const bool takes_effect = world_.chance.in(50);
    world_.tell(takes_effect ? "the COMMIT in doubt took effect" : "the COMMIT in doubt is rolled back");
    if (takes_effect) doubt->commit(nullptr);
    else doubt->rollback();
  }
  if (!world_.trouble(world_.troubles.kill_session)) return;
  for (Session* session : sessions_) {
    if (!session->can_be_killed() || !world_.chance.in(50)) continue;
    world_.tell("a session is killed");
    session->kill({Error::Kind::outage, "57P01", "injected: the session was terminated"});
    return;
  }
}

void ChaosLedger::decide_doubts() {
  for (auto& doubt : doubts_) doubt->rollback();
  doubts_.clear();
}

}  // namespace hostler::testing
