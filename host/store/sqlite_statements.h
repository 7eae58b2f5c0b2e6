// The ledger's own statements on SQLite, through SOCI: a prepared statement looped over the rows, which is as fast as anything there. All integers are
// long long (SOCI silently cuts bigint to int), blobs travel as cast(:x as blob), and every SELECT is read to its end so that no reader stays open.
// Private to store/. Throws soci::soci_error. Thread-safety: one thread, the session's.
#pragma once

#include <soci/soci.h>

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/ledger.h"

namespace hostler::store {

class SqliteStatements {
 public:
  // Must die before the session.
  explicit SqliteStatements(soci::session& session);
  ~SqliteStatements();
  SqliteStatements(const SqliteStatements&) = delete;
  SqliteStatements& operator=(const SqliteStatements&) = delete;

  void find_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> settled);
  void claim_ids(std::string_view service, std::span<const runtime::IdRow> ids, std::span<std::uint8_t> claimed);
  void set_id_states(std::string_view service, std::span<const std::string_view> ids, runtime::RowState state);
  bool fence(std::string_view service, const runtime::MarkMove& move);
  std::vector<std::optional<runtime::Delegated>> read_delegated(std::string_view service, std::span<const runtime::OriginKey> origins);
  void write_delegated(std::string_view service, std::span<const runtime::Delegation> rows);
  void erase_delegated(std::string_view service, std::span<const runtime::OriginKey> origins);
  void erase_suspects(std::string_view service, std::span<const runtime::OriginKey> places);
  void add_suspects(std::string_view run, std::span<const runtime::Suspect> suspects);
  std::vector<runtime::Suspect> suspects(std::string_view service, std::span<const runtime::TakenPartition> partitions);
  std::vector<core::Mark> take_over(std::string_view service, std::string_view cluster_id, std::span<const runtime::TakeOver> partitions);

  // What one step of a pass finds outside of a transaction, and what it deletes of that inside of one; see runtime::Ledger::expire.
  struct Old {
    struct Row {
      long long rowid;
      std::size_t rule;
    };
    std::vector<Row> rows;  // by rowid
    std::optional<runtime::ExpiryPlace> next;
  };
  Old find_old(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace from, std::uint32_t most);
  std::uint64_t erase_old(std::span<const runtime::ExpiryRule> rules, runtime::ExpiryPlace::Table table, const Old& old);

 private:
  struct FindId;
  struct ClaimId;
  struct SetIdState;
  struct Fence;
  struct ReadDelegated;
  struct WriteDelegated;
  struct EraseDelegated;

  template <class S>
  S& prepared(std::unique_ptr<S>& statement);

  soci::session& session_;
  std::unique_ptr<FindId> find_id_;
  std::unique_ptr<ClaimId> claim_id_;
  std::unique_ptr<SetIdState> set_id_state_;
  std::unique_ptr<Fence> fence_;
  std::unique_ptr<ReadDelegated> read_delegated_;
  std::unique_ptr<WriteDelegated> write_delegated_;
  std::unique_ptr<EraseDelegated> erase_delegated_;
};

}  // namespace hostler::store
