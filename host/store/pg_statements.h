// The ledger's own statements on PostgreSQL, through SOCI: one per batch, array literals through unnest. (Those of every batch share round trips with
// others: pg_hot_path.) Statements that read or change existing rows are never prepared: PostgreSQL would keep a plan that was made while the table
// was small, a sequential scan for each id; planning anew costs a tenth of a millisecond. Parameters are scalars only: SOCI's bulk vectors cost a
// round trip per row, and run again they send the first batch again. Private to store/. Throws soci::soci_error.
// Thread-safety: one thread, the session's.
#pragma once

#include <soci/soci.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/ledger.h"

namespace hostler::store {

class PgStatements {
 public:
  // Must die before the session: a soci::statement that outlives its connection is a use after free.
  explicit PgStatements(soci::session& session);
  ~PgStatements();
  PgStatements(const PgStatements&) = delete;
  PgStatements& operator=(const PgStatements&) = delete;

  void find_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> settled);
  // Which of the ids this transaction has inserted.
  void read_claims(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> claimed);
  void set_id_states(std::string_view service, std::span<const std::string_view> ids, runtime::RowState state);
  void wait_for_mark(std::string_view service, const runtime::MarkKey& mark);
  std::vector<std::optional<runtime::Delegated>> lock_delegated(std::string_view service, std::span<const runtime::OriginKey> origins);
  void write_delegated(std::string_view service, std::span<const runtime::Delegation> rows);
  void erase_delegated(std::string_view service, std::span<const runtime::OriginKey> origins);
  void erase_suspects(std::string_view service, std::span<const runtime::OriginKey> places);
  void add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects);
  std::vector<runtime::Suspect> suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions);
  // One step, inside a transaction of its own; see runtime::Ledger::expire.
  runtime::Expired expire(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace from, std::uint32_t most);
  std::vector<core::Mark> take_over(std::string_view service, std::string_view cluster_id, std::span<const runtime::TakeOver> partitions);

 private:
  struct WaitForMark;
  struct WriteDelegated;

  template <class S>
  S& prepared(std::unique_ptr<S>& statement);
  void erase_at(const char* table, std::string_view service, std::span<const runtime::OriginKey> places);
  void probe_ids(std::string_view condition, std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> found);

  soci::session& session_;
  std::unique_ptr<WaitForMark> wait_for_mark_;
  std::unique_ptr<WriteDelegated> write_delegated_;
};

}  // namespace hostler::store
