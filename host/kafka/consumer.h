// KafkaConsumer: one membership in a consumer group. A control thread serves the group (rebalances, errors, commits);
// each lane reads its partitions' private queues through its Source. Made by cli/wire, used by the supervisor.
// Thread-safety: start, drain, close from the host's control thread; state from any; each source from its lane's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/host_config.h"
#include "core/result.h"
#include "core/types.h"
#include "kafka/log.h"
#include "runtime/source.h"

namespace hostler::kafka {

// A retry topic, or a pattern of retry topics, and how long its records wait.
struct RetryTier {
  std::string topic;        // name, or pattern with *
  std::uint32_t tier = 0;   // what Batch::tier says
  core::Millis delay{0};
};

// Records are settled by transactions of the brokers, one per slice of a batch: what is published and the offset come true together.
struct TransactionOptions {
  // After this time the brokers abort what a member left open. Of one record's delivery, too. "transaction.timeout.ms" in the consumer's
  // properties overrides it.
  core::Millis timeout{15'000};
  core::Millis request_timeout{10'000};  // of one call: offsets, commit, abort; shorter than `timeout`
  core::Millis opening_timeout{5'000};   // of taking a transactional id over; another try is often quicker than a long one
};

struct ConsumerOptions {
  enum class Role : std::uint8_t {
    main,   // source topics; first start resolved and committed; an offset out of range holds the partition
    retry,  // delay topics: records are held until due; without a committed offset they are read from the beginning
  };

  Role role = Role::main;
  std::string brokers;                  // host:port, comma separated
  std::string client_id = "hostler";
  std::string group;
  std::vector<std::string> topics;      // main: names, and patterns with * (chat.messages.*)
  std::vector<RetryTier> tiers;         // retry: what to subscribe to; the first match decides
  std::vector<std::string> excluded;    // never matched by a pattern: patterns with *, or regular expressions from ^ on
  core::Start start = core::Start::earliest;  // main: where a new group begins
  core::Properties properties;          // librdkafka's; those that correctness stands on are ignored
  std::size_t lanes = 1;
  std::uint64_t memory_bytes = 64ULL << 20;   // for prefetched records, divided by expected_partitions
  std::uint32_t expected_partitions = 8;      // how many partitions this member will probably hold
  core::Millis commit_interval{100};          // commits are coalesced over this time
  core::Millis revoke_timeout{20'000};        // how long a revocation waits for lanes that hold a batch
  core::Millis request_timeout{5'000};        // of one request by the control thread (offsets, commits)
  std::optional<TransactionOptions> transactions;  // set: sources have a transaction(), and nothing is committed otherwise
  runtime::Assignments* assignments = nullptr;  // required; must outlive the consumer; called by the control thread
  LogFn log;
};

class KafkaConsumer final : public runtime::Consumer {
 public:
  explicit KafkaConsumer(ConsumerOptions options);
  ~KafkaConsumer() override;

  runtime::Source& source(std::size_t lane) override;
  // Errors: a property that librdkafka refuses, no topics, no Assignments. A broker that is down is none.
  core::Status<> start() override;
  void drain() override;
  void close() override;
  [[nodiscard]] runtime::ConsumerState state() const override;
  [[nodiscard]] std::vector<runtime::PartitionProgress> progress() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hostler::kafka
