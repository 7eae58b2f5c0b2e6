// The ledger's part of a lane: who may run (ids, rows), and the one transaction in which mark, ids, rows and the done records' SQL
// become true together. The protocol page names every step. One thread; one slice at a time.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/host_config.h"
#include "runtime/lane.h"
#include "runtime/ledger.h"

namespace hostler::runtime {

// A statement that a handler enqueued for a record.
struct EnqueuedStatement {
  std::size_t record = 0;  // slice index
  SqlStatement statement;
};

class Settlement {
 public:
  // `ledger` null: idempotency = "off", every call succeeds and does nothing. `open_while_handling`: the handler queries, so its
  // transaction stays open from begin() to commit(); otherwise no session is held while a handler runs.
  Settlement(const core::HandlerConfig& handler, Ledger* ledger, bool open_while_handling);

  LedgerStatus begin(const Slice& slice, std::span<Admission> admissions);
  // The session that begin() left open; null unless open_while_handling.
  [[nodiscard]] LedgerSession* session() { return open_while_handling_ ? session_.get() : nullptr; }
  Fenced fence(const Slice& slice, std::span<const core::Disposition> dispositions, core::Offset mark_to, std::span<const EnqueuedStatement> statements);
  CommitOutcome commit(LedgerError* why);
  void rollback();

 private:
  LedgerStatus begin_source(const Slice& slice, std::span<Admission> admissions);
  LedgerStatus begin_retry(const Slice& slice, std::span<Admission> admissions);
  LedgerStatus lock_rows(const Slice& slice);
  LedgerStatus claim(const Slice& slice, std::span<std::uint8_t> claimed);
  std::optional<Fenced> admit_again(const Slice& slice, std::span<core::Disposition> dispositions, std::vector<std::size_t>& duplicates);
  std::optional<Fenced> fence_and_run(const Slice& slice, core::Offset mark_to, std::span<const core::Disposition> dispositions,
                                      std::span<const EnqueuedStatement> statements);
  LedgerStatus write_rows(const Slice& slice, std::span<const core::Disposition> dispositions);
  void gather_ids(const Slice& slice);
  void release();

  const core::HandlerConfig& handler_;
  Ledger* ledger_;
  const bool open_while_handling_, uses_ids_;
  std::unique_ptr<LedgerSession> session_;
  // scratch, kept for its memory:
  std::vector<IdRow> ids_;
  std::vector<std::size_t> id_records_;  // slice index of ids_[i]
  std::vector<std::uint8_t> flags_;
  std::vector<OriginKey> origins_;       // of the slice's own copies, parallel to origin_records_
  std::vector<std::size_t> origin_records_;
  std::vector<std::optional<Delegated>> rows_;  // parallel to the slice
  std::vector<core::Disposition> dispositions_;
  std::vector<SqlStatement> to_run_;
  std::vector<std::size_t> run_records_;
};

}  // namespace hostler::runtime
