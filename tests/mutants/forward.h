// Ports that pass everything on: what defects are derived from.
#pragma once

#include <memory>
#include <utility>

#include "runtime/lane.h"
#include "runtime/ledger.h"
#include "runtime/source.h"

namespace hostler::testing {

class ForwardSession : public runtime::LedgerSession {
 public:
  explicit ForwardSession(std::unique_ptr<runtime::LedgerSession> real) : real_(std::move(real)) {}

  runtime::LedgerStatus begin() override { return real_->begin(); }
  void rollback() override { real_->rollback(); }
  runtime::CommitOutcome commit(runtime::LedgerError* why) override { return real_->commit(why); }
  [[nodiscard]] bool in_transaction() const override { return real_->in_transaction(); }
  runtime::LedgerStatus find_ids(std::string_view service, std::span<const runtime::IdRow> ids,
                                 std::span<std::uint8_t> settled) override {
    return real_->find_ids(service, ids, settled);
  }
  runtime::LedgerStatus claim_ids(std::string_view service, std::span<const runtime::IdRow> ids,
                                  std::span<std::uint8_t> claimed) override {
    return real_->claim_ids(service, ids, claimed);
  }
  runtime::LedgerStatus set_id_states(std::string_view service, std::span<const std::string_view> ids,
                                      runtime::RowState state) override {
    return real_->set_id_states(service, ids, state);
  }
  runtime::LedgerResult<bool> fence(std::string_view service, const runtime::MarkMove& move) override {
    return real_->fence(service, move);
  }
  runtime::LedgerStatus barrier(std::string_view service, std::span<const runtime::MarkKey> marks) override {
    return real_->barrier(service, marks);
  }
  runtime::LedgerResult<std::vector<std::optional<runtime::Delegated>>> lock_delegated(
      std::string_view service, std::span<const runtime::OriginKey> origins) override {
    return real_->lock_delegated(service, origins);
  }
  runtime::LedgerStatus write_delegated(std::string_view service,
                                        std::span<const runtime::Delegation> rows) override {
    return real_->write_delegated(service, rows);
  }
  runtime::LedgerStatus erase_delegated(std::string_view service,
                                        std::span<const runtime::OriginKey> origins) override {
    return real_->erase_delegated(service, origins);
  }
  runtime::LedgerStatus erase_suspects(std::string_view service,
                                       std::span<const runtime::OriginKey> places) override {
    return real_->erase_suspects(service, places);
  }
  std::optional<runtime::StatementFailure> run(std::span<const runtime::SqlStatement> statements) override {
    return real_->run(statements);
  }
  runtime::LedgerResult<std::size_t> query(const runtime::SqlStatement& statement, bool read_only,
                                           const runtime::SqlRow& on_row) override {
    return real_->query(statement, read_only, on_row);
  }
  runtime::LedgerResult<bool> same_transaction() override { return real_->same_transaction(); }

 protected:
  [[nodiscard]] runtime::LedgerSession& real() { return *real_; }

 private:
  const std::unique_ptr<runtime::LedgerSession> real_;
};

class ForwardLedger : public runtime::Ledger {
 public:
  explicit ForwardLedger(runtime::Ledger& real) : real_(real) {}

  [[nodiscard]] runtime::SqlDialect dialect() const override { return real_.dialect(); }
  std::unique_ptr<runtime::LedgerSession> lease() override { return real_.lease(); }
  runtime::LedgerResult<std::vector<core::Mark>> take_over(
      std::string_view service, std::string_view cluster_id,
      std::span<const runtime::TakeOver> partitions) override {
    return real_.take_over(service, cluster_id, partitions);
  }
  runtime::LedgerStatus add_suspects(std::string_view run,
                                     std::span<const runtime::Suspect> suspects) override {
    return real_.add_suspects(run, suspects);
  }
  runtime::LedgerResult<std::vector<runtime::Suspect>> suspects(
      std::string_view service, std::span<const runtime::TakenPartition> partitions) override {
    return real_.suspects(service, partitions);
  }
  runtime::LedgerResult<runtime::Expired> expire(std::span<const runtime::ExpiryRule> rules,
                                                 runtime::ExpiryPlace from, std::uint32_t most) override {
    return real_.expire(rules, from, most);
  }
  runtime::LedgerOperations& operations() override { return real_.operations(); }
  runtime::LedgerStatus probe() override { return real_.probe(); }

 protected:
  [[nodiscard]] runtime::Ledger& real() { return real_; }

 private:
  runtime::Ledger& real_;
};

class ForwardSource : public runtime::Source {
 public:
  explicit ForwardSource(runtime::Source& real) : real_(real) {}

  bool poll(core::Batch& out, std::size_t max_records, core::Millis max_wait, core::Millis wait) override {
    return real_.poll(out, max_records, max_wait, wait);
  }
  void settled(const core::Batch& batch, core::Offset next) override { real_.settled(batch, next); }
  void give_back(const core::Batch& batch, core::Offset resume_at, core::SteadyTime not_before) override {
    real_.give_back(batch, resume_at, not_before);
  }
  [[nodiscard]] bool owns(const core::Batch& batch) const override { return real_.owns(batch); }
  [[nodiscard]] bool draining() const override { return real_.draining(); }
  [[nodiscard]] runtime::Transaction* transaction() override { return real_.transaction(); }

 protected:
  [[nodiscard]] runtime::Source& real() { return real_; }

 private:
  runtime::Source& real_;
};

class ForwardLane : public runtime::Lane {
 public:
  explicit ForwardLane(runtime::Lane& real) : real_(real) {}

  runtime::LedgerStatus begin(const runtime::Slice& slice,
                              std::span<runtime::Admission> admissions) override {
    return real_.begin(slice, admissions);
  }
  core::Result<runtime::Verdicts, runtime::ExecuteFailure> execute(
      const runtime::Slice& slice, std::span<const std::uint8_t> run) override {
    return real_.execute(slice, run);
  }
  void take_outputs(const runtime::Slice& slice, std::span<const core::Disposition> dispositions,
                    std::vector<runtime::OutRecord>& out) override {
    real_.take_outputs(slice, dispositions, out);
  }
  runtime::Fenced fence(const runtime::Slice& slice, std::span<const core::Disposition> dispositions,
                        core::Offset mark_to) override {
    return real_.fence(slice, dispositions, mark_to);
  }
  runtime::CommitOutcome commit(runtime::LedgerError* why) override { return real_.commit(why); }
  void rollback() override { real_.rollback(); }

 protected:
  [[nodiscard]] runtime::Lane& real() { return real_; }

 private:
  runtime::Lane& real_;
};

} // namespace hostler::testing
