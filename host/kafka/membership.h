// What the group gave this member: takes assignments, finds out where they start, opens their queues on the lanes, and winds
// them up when they are taken away. Private to kafka/. Thread-safety: the control thread; state() from any.
//
// An assignment is answered at once. If nobody can say yet where it starts (the ledger is down, another member's turn), it is
// answered with nothing, so that the group's next rebalance does not wait for this member, and opened later. A partition that is refused
// is assigned like the others, at its end, and held; it is asked for again until it is not refused any more (membership_looks.cc).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kafka/client.h"
#include "kafka/committer.h"
#include "kafka/consumer.h"
#include "kafka/group_offsets.h"
#include "kafka/lane_source.h"
#include "kafka/start_resolver.h"

namespace hostler::kafka {

class Membership {
 public:
  using Lanes = std::vector<std::unique_ptr<LaneSource>>;

  Membership(const ConsumerOptions& options, std::shared_ptr<Client> client, Lanes& lanes, Committer& committer);

  // The client's rebalance callback.
  void rebalance(rd_kafka_resp_err_t what, const rd_kafka_topic_partition_list_t* partitions);
  // Opens what is pending and executes the seeks that lanes asked for. Returns when it wants to be called again.
  core::SteadyTime tick(core::SteadyTime now);
  // The group was left: winds up what was not revoked on the way out.
  void end();
  // A record of this partition came where none should: it is read again.
  void read_again(const core::TopicPartition& where, core::Offset offset);
  // A partition can be read on only in a new assignment: leave the group and join again. True once.
  [[nodiscard]] bool must_rejoin() { return std::exchange(rejoin_, false); }

  [[nodiscard]] const PartitionStates& assigned() const { return assigned_; }
  [[nodiscard]] runtime::ConsumerState state() const;

 private:
  struct Pending {
    std::set<core::TopicPartition> partitions;
    bool answered = false;              // the group does not wait for us
    core::SteadyTime next_try{};
    core::Millis pause{100};
  };
  struct Start {
    runtime::AssignedPartition assigned;
    std::int64_t committed = -1;        // what Kafka has
    runtime::StartPosition position;
  };

  void take_away(const rd_kafka_topic_partition_list_t* partitions);
  void wait_for_lanes(std::span<const std::shared_ptr<PartitionState>> ending);
  void release(PartitionState& p);

  core::Status<NotYet> open();
  core::Result<std::vector<Start>, NotYet> find_starts(std::span<const core::TopicPartition> partitions);
  core::Result<Offsets, NotYet> find_committed(std::span<const core::TopicPartition> partitions);
  void end_transactions(std::span<const core::TopicPartition> partitions);
  core::Status<NotYet> assign(const std::vector<Start>& starts);
  std::shared_ptr<PartitionState> make_state(const Start& start, LaneSource& lane);
  core::Status<> answer(const rd_kafka_topic_partition_list_t* added);
  void put_off(const NotYet& reason);

  // An assigned partition that is to be started again: refused so far, or its mark was moved by somebody else.
  struct Look {
    core::SteadyTime next_try{};
    core::Millis pause{200};
    std::string refused;                // topic and kind; empty: it was not
  };
  void note_refusals(std::span<const Start> starts);
  void look_at_idle(core::SteadyTime now);
  core::SteadyTime look_again(core::SteadyTime now);
  void restart(PartitionState& p, const Start& start);
  void say_acknowledged(const PartitionState& p);

  core::SteadyTime serve_seeks(core::SteadyTime now);
  bool seek(PartitionState& p);

  [[nodiscard]] bool cooperative() const;
  [[nodiscard]] std::vector<std::unique_lock<std::mutex>> lock_all_lanes();
  void publish_state(std::string waiting_for);

  const ConsumerOptions& options_;
  const std::shared_ptr<Client> client_;
  Lanes& lanes_;
  Committer& committer_;
  GroupOffsets offsets_;
  StartResolver resolver_;
  const std::shared_ptr<Wakeup> let_go_ = std::make_shared<Wakeup>();

  std::optional<Pending> pending_;
  std::map<core::TopicPartition, Look> looks_;
  core::SteadyTime next_idle_look_{};
  bool rejoin_ = false;
  PartitionStates assigned_;

  mutable std::mutex state_mutex_;
  runtime::ConsumerState state_;  // guarded by state_mutex_
};

}  // namespace hostler::kafka
