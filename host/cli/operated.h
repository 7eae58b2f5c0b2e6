// What the operators' commands work on: handlers with their cluster and ledger opened, and how each of their partitions stands.
// Thread-safety: one thread; everything blocks for questions to brokers and databases.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/host_config.h"
#include "core/identity.h"
#include "core/result.h"
#include "kafka/admin.h"
#include "runtime/ledger_operations.h"

namespace hostler::cli {

struct CommandError {
  int exit_code;
  std::string message;
};
template <class T>
using Operation = core::Result<T, CommandError>;

// How a source partition stands.
struct PartitionStanding {
  core::TopicPartition where;
  std::optional<core::MarkMemory> memory;  // empty: nobody has read it yet, or there is no ledger
  core::PartitionNow now;
  std::optional<core::Refusal> refusal;
  // Where reading goes on; empty: not decided yet.
  [[nodiscard]] std::optional<core::Offset> next() const { return memory ? std::optional(memory->mark.next) : now.committed; }
};

class Operated {
 public:
  // Opens the handler's cluster and, unless idempotency = "off", its ledger. `config` outlives this.
  static Operation<std::unique_ptr<Operated>> open(const core::HostConfig& config, const core::HandlerConfig& handler);

  // Every partition of its source topics, or of one of them, sorted. Errors: not reached; the handler does not read this topic.
  Operation<std::vector<PartitionStanding>> partitions(const std::string& topic = "");
  // Sets Kafka's offsets of the group. Not done: the group has members, who commit by themselves.
  struct Commit {
    bool done;
    std::string words;
  };
  Operation<Commit> commit(const std::map<core::TopicPartition, core::Offset>& offsets);
  // The same once the ledger's marks are moved, which is what counts: in words.
  std::string follow(const std::map<core::TopicPartition, core::Offset>& offsets);

  [[nodiscard]] const core::HandlerConfig& handler() const { return handler_; }
  [[nodiscard]] const kafka::AdminOptions& kafka_options() const { return options_; }
  [[nodiscard]] kafka::KafkaAdmin& admin() { return *admin_; }
  [[nodiscard]] runtime::LedgerOperations* ledger() { return ledger_ == nullptr ? nullptr : &ledger_->operations(); }  // null: there is none
  [[nodiscard]] bool keeps_ids() const { return handler_.idempotency == core::Idempotency::event_id; }

 private:
  Operated(const core::HostConfig& config, const core::HandlerConfig& handler) : config_(config), handler_(handler) {}

  const core::HostConfig& config_;
  const core::HandlerConfig& handler_;
  kafka::AdminOptions options_;
  std::unique_ptr<kafka::KafkaAdmin> admin_;
  std::unique_ptr<runtime::Ledger> ledger_;
};

// A database's error as a command's.
[[nodiscard]] CommandError ledger_error(const runtime::LedgerError& error);

// The handlers that a command is about: the named one, or all (`name` empty). An error names those that there are.
[[nodiscard]] Operation<std::vector<const core::HandlerConfig*>> handlers_named(const core::HostConfig& config, const std::string& name);

// Of the standings those that are asked for (`partition` empty: all). An error: there is no such partition.
[[nodiscard]] Operation<std::vector<PartitionStanding>> chosen(std::vector<PartitionStanding> all, std::optional<std::int32_t> partition);

// "hostler: …" on stderr; the exit code.
int complain(const CommandError& error);

// "orders/3".
[[nodiscard]] std::string text_of(const core::TopicPartition& where);
// "3 records", "1 record".
[[nodiscard]] std::string amount(std::uint64_t count, const std::string& what);

// Does something that must be accounted for: a line in the audit log before, one behind with the outcome in words.
Operation<std::string> accounted(const core::HostConfig& config, const std::string& action, const std::string& object,
                                 const std::function<Operation<std::string>()>& work);

// Rows under a line of titles, columns as wide as they need be; numbers (and "-") to the right.
[[nodiscard]] std::string table(const std::vector<std::string>& titles, const std::vector<std::vector<std::string>>& rows);

}  // namespace hostler::cli
