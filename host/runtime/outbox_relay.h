// Publishes what a handler's records left in the outbox (publish = "outbox"), those of one key in the order of their commits, for the partitions
// that this host owns. A row goes when the brokers have acknowledged its message; a death in between repeats it with the same id. While a relay publishes it
// holds the mark against a take-over, so that two owners never publish at once. One thread of its own; other calls from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/health.h"
#include "core/record.h"
#include "runtime/ledger.h"
#include "runtime/outbox.h"
#include "runtime/publisher.h"

namespace hostler::runtime {

class OutboxRelay {
 public:
  // `ledger` and `publisher` outlive the relay.
  OutboxRelay(std::string service, Ledger& ledger, Publisher& publisher);
  ~OutboxRelay();
  OutboxRelay(const OutboxRelay&) = delete;
  OutboxRelay& operator=(const OutboxRelay&) = delete;

  void start();
  void stop();
  // The partition is this host's, under this mark's epoch and generation; said again after each take-over.
  void owns(const core::TopicPartition& where, const core::Mark& mark);
  void revoked(const core::TopicPartition& where);
  // Rows of the partition were committed.
  void written(const core::TopicPartition& where);
  // As of the last look, at most a few seconds old.
  [[nodiscard]] core::OutboxHealth health() const;

 private:
  enum class Pass : std::uint8_t { nothing, some, trouble };
  struct Owned {
    core::Mark mark;
    bool waits = true;  // may have rows
  };
  void run();
  Pass relay(const core::TopicPartition& where, const core::Mark& mark);
  struct Delivery {
    enum class State : std::uint8_t { waits, delivered, never };
    State state = State::waits;
    std::string why;  // where it failed
  };
  std::vector<Delivery> publish(std::span<const OutboxMessage> messages);
  [[nodiscard]] bool stopping() const;
  LedgerResult<std::vector<OutboxMessage>> read(LedgerSession& session, const core::TopicPartition& where, const core::Mark& mark);
  LedgerStatus settle(LedgerSession& session, std::span<const OutboxMessage> messages, std::span<const Delivery> deliveries);
  void count();
  void trouble(const std::string& what);

  const std::string service_;
  Ledger& ledger_;
  Publisher& publisher_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // guarded by mutex_:
  std::map<core::TopicPartition, Owned> owned_;
  core::OutboxHealth health_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace hostler::runtime
