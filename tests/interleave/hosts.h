// Two owners of the source partitions and two retry workers on the real pipeline and settlement, each a thread of the baton. A crash drops the
// pipeline with all it holds; the next life begins at the actor's next turn.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "core/host_config.h"
#include "fakes/manual_clock.h"
#include "fakes/scripted_lane.h"
#include "interleave/chaos_ledger.h"
#include "interleave/member_source.h"
#include "interleave/world.h"
#include "mutants/mutation.h"
#include "support/temp_dir.h"

namespace hostler::testing {

struct Setup {
  core::Idempotency idempotency = core::Idempotency::event_id;  // off: no ledger, transactions of the brokers
  bool queries = false;      // the handler runs inside the transaction, and sometimes writes by query
  bool one_writer = false;   // the ledger behind is SQLite
};

// What an event leaves in the database, as a statement; "" for a statement that is refused.
[[nodiscard]] std::string effect_of(std::string_view event_id);

// The handler that everybody runs.
[[nodiscard]] core::HandlerConfig orders_service(core::Idempotency idempotency);
// Puts records with these ids into a partition of its topic.
void fill_log(World& world, std::int32_t partition, const std::vector<std::string>& ids);
[[nodiscard]] std::string id_of(const core::Record& record);

// Takes one of its marks over.
class MarksOf final : public runtime::MarkOwner {
 public:
  explicit MarksOf(runtime::Ledger& ledger) : ledger_(ledger) {}
  runtime::LedgerResult<core::Mark> take_over(const core::TopicPartition& where, core::Offset start) override;

 private:
  runtime::Ledger& ledger_;
};

class Hosts {
 public:
  // `marks` says what is committed, from outside.
  Hosts(World& world, const Setup& setup, runtime::Ledger& inner, Mutation::Marks marks);

  // Records of partition 0 and 1, by event id. Ids that come twice are twins.
  void fill(const std::vector<std::vector<std::string>>& events);
  void start();
  // One step of the world: an actor's turn, and whatever strikes meanwhile. False: nobody can go on.
  bool step();
  // Ends all trouble: what is in doubt is decided, what is late arrives, every partition has an owner that knows it.
  void calm_down();
  // Whether all retry topics are read and committed to their ends. Source partitions stand where their marks stand.
  [[nodiscard]] bool retries_read() const;
  // What the source group has committed, by partition; -1: nothing.
  [[nodiscard]] std::vector<std::int64_t> committed() const;
  // Whether a copy that carries this step of the record may still be delivered.
  [[nodiscard]] bool copy_is_ahead(std::int32_t origin_partition, std::int64_t origin_offset, std::int64_t step) const;

  [[nodiscard]] const core::HandlerConfig& config() const { return config_; }
  static constexpr std::string_view topic = "orders";

 private:
  void live(const std::string& group, const std::string& member, const std::vector<MemberSource::Partition>& partitions, bool retry);
  void hand_over(const core::Record& record);
  core::Verdict handle(const core::Record& record, HandlerCall& call);
  void rebalance();

  World& world_;
  const Setup setup_;
  core::HandlerConfig config_;
  ChaosLedger ledger_;
  MarksOf owner_;
  WorldPublisher publisher_;
  WorldClock clock_;
  CountingObserver observer_;
  std::vector<MemberSource::Partition> sources_, tiers_;
  Mutation::Marks marks_;
  TempDir folder_;
  std::map<std::tuple<std::int32_t, std::int64_t, std::uint32_t>, core::Timestamp> handed_over_;  // partition, offset, attempt: the first time
};

}  // namespace hostler::testing
