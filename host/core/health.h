// How the host is, in numbers, and what follows from them: whether it is alive, whether it is ready, what is wrong and what to do.
// cli/ gathers the numbers, http/ shows them, service/ feeds systemd's watchdog with the answer. Pure; thread-safety: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/breaker.h"
#include "core/types.h"

namespace hostler::core {

struct LaneHealth {
  std::uint32_t index = 0;
  bool ended = false;              // its thread is gone, and nobody had asked for it
  Millis quiet{0};                 // since its last turn: a look for records, a wait, a settled batch
  std::optional<Millis> handling;  // for how long the handler's code has been running; empty: it is not
  std::optional<Millis> publishing;  // for how long it has been waiting for brokers to take its copies; empty: it does not
  std::optional<Millis> settling;  // for how long it has been waiting for its database; empty: it does not
  std::string paused_because;      // an outage it waits for; empty: none
};

struct PartitionHealth {
  TopicPartition where;
  Offset settled;                       // next offset to commit
  std::optional<std::int64_t> lag;      // high watermark - settled; empty: not known yet
  Millis quiet{0};                      // since `settled` moved or the lag was 0
  std::optional<Timestamp> next_due;    // of the head, on a retry topic
  std::string held{};                   // why it is not read until somebody decides; empty: it is read
};

struct BreakerHealth {
  BreakerState state = BreakerState::closed;
  std::string because;                  // empty while closed
  std::uint64_t opened = 0;             // how often
};

// One membership in a consumer group: the source topics' or the retry topics'.
struct GroupHealth {
  std::string group;
  bool joined = false;
  std::string waiting_for;              // why assigned partitions are not read; empty if they are
  std::uint64_t rebalances = 0;
  std::vector<PartitionHealth> partitions;
};

// Records behind the high watermarks, as far as they are known, and when the first of the waiting heads is due.
[[nodiscard]] std::int64_t lag_of(const GroupHealth& group);
[[nodiscard]] std::optional<Timestamp> next_due_of(const GroupHealth& group);

// Messages that wait in the ledger to be published (publish = "outbox"), of the whole handler, on all hosts.
struct OutboxHealth {
  std::int64_t pending = 0, failed = 0;  // failed: put aside, they can never be published
  Millis lag{0};                         // age of the oldest that waits
};

struct HandlerHealth {
  std::string name;
  std::string failed;                   // why it does not run at all; empty: it does
  Millis timeout{0};                    // of one call
  std::string paused_because;           // an outage that one of its lanes waits for, or why its breaker is open; empty: records flow
  BreakerHealth breaker;
  std::size_t suspects = 0;             // records in this host's partitions in whose handling a host died, not settled yet
  GroupHealth source;
  std::optional<GroupHealth> retry;
  std::vector<LaneHealth> lanes;
  std::optional<std::uint64_t> stuck;   // records that wait for a copy long past its time; empty: not known
  std::optional<OutboxHealth> outbox;   // empty: publish = "direct"
};

struct BrokerHealth {
  std::int32_t id = -1;
  std::string address;                  // host:port
  std::string error;                    // empty: it answers
  Millis latency{0};                    // of one request
};

struct TopicHealth {
  std::string name;
  std::int32_t partitions = 0;          // 0: it does not exist
  std::int32_t offline = 0;             // partitions without a leader
  std::int32_t under_replicated = 0;
};

struct ClusterHealth {
  std::string name;
  bool asked = false;                   // false: the first look is still under way
  std::string error;                    // why it does not answer; empty: it does
  Millis latency{0};                    // of one request
  std::string id;
  std::int32_t controller = -1;
  std::vector<BrokerHealth> brokers;
  std::vector<TopicHealth> topics;      // those that handlers read or write
};

struct LedgerHealth {
  std::string name;
  bool asked = false;
  std::string error;                    // why nothing can be settled in it; empty: it can
  Millis latency{0};
};

struct HostHealth {
  std::string name;
  bool starting = false;                // handlers were not started yet
  bool draining = false;
  Millis clock_jump{0};                 // of the wall clock within the last minutes; 0: none
  std::vector<HandlerHealth> handlers;
  std::vector<ClusterHealth> clusters;
  std::vector<LedgerHealth> ledgers;
};

struct Problem {
  std::string component;                // "handler user-service", "ledger", "kafka"
  std::string what;
  std::string mend;                     // what to do; empty: nothing but wait
};

struct Assessment {
  bool live = true;                     // it makes progress, or waits for something outside of it
  bool ready = true;                    // it can settle a record of every handler
  std::vector<Problem> problems;        // the gravest first
};

// A call that ends with its deadline is late by a moment; this much beyond it is stuck, and the host is not live.
constexpr Millis handling_slack{500};
// So much beyond the deadline the host ends itself: nothing else frees the lane of such a handler.
constexpr Millis handling_grace{2'000};
// A lane that has not turned for as long and its handler's timeout is stuck, unless it waits for brokers or its database.
constexpr Millis lane_quiet_limit{60'000};
// Brokers take copies within milliseconds; a lane that waits for them for as long cannot settle what it holds.
constexpr Millis publish_limit{3'000};
// A lane that waits for its database for as long is worth a word; other lanes' batches may be what it waits for.
constexpr Millis settle_limit{10'000};
// A partition with lag whose offset has not moved for as long (or twice the handler's timeout, if longer) is stalled.
constexpr Millis partition_quiet_limit{30'000};

[[nodiscard]] Assessment assess(const HostHealth& health);

}  // namespace hostler::core
