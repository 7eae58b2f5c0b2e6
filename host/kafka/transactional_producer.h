// A producer with a transactional id: one transaction at a time, every call bounded in time. Private to kafka/.
// Thread-safety: one thread at a time.
//
// It forgives nothing. After whatever leaves it open what the brokers did, or what they may still do with a request that is under way, it is
// not usable() any more: its successor's open() raises the producer epoch, and so ends what it left behind.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/types.h"
#include "kafka/client.h"
#include "kafka/consumer.h"
#include "kafka/produce.h"
#include "runtime/publisher.h"

namespace hostler::kafka {

class TransactionalProducer {
 public:
  // Takes one of the partition's transactional ids over: what another holder of the id has open is aborted, what it has begun to commit is waited
  // for. Errors: the brokers do not answer in time, or do not allow it.
  static core::Result<std::unique_ptr<TransactionalProducer>> open(const ConsumerOptions& options, const core::TopicPartition& where, std::size_t turn);
  // An open transaction is left behind, for the next holder of the id or the brokers' time-out to abort.
  ~TransactionalProducer();
  TransactionalProducer(const TransactionalProducer&) = delete;
  TransactionalProducer& operator=(const TransactionalProducer&) = delete;

  core::Status<> begin();
  enum class Manner : std::uint8_t { together, one_by_one };
  // Publishes within the transaction and waits for every report. Failures: the transaction must be aborted. One by one, the first failure
  // is the last, and its record alone is to blame.
  [[nodiscard]] std::vector<runtime::PublishFailure> publish(std::span<const runtime::OutRecord> records, Manner manner = Manner::together);
  // Lets the transaction move the group's offset, if the group still knows this generation of its member.
  core::Status<> send_offset(core::Offset next, GroupMetadataHandle member);
  // An error leaves it open whether it is committed.
  core::Status<> commit();
  // Unless it is not sure that this can be done: then the transaction is left behind.
  void abort();
  // False: only a new one may begin a transaction.
  [[nodiscard]] bool usable();

 private:
  struct Slot {
    TransactionalProducer* producer = nullptr;
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
  };

  TransactionalProducer(std::shared_ptr<Client> client, core::TopicPartition where, std::string group, const TransactionOptions& options)
      : where_(std::move(where)), group_(std::move(group)), options_(options), client_(std::move(client)) {}
  static void delivery_report(rd_kafka_t* rk, const rd_kafka_message_t* report, void* client);
  [[nodiscard]] int patience() const { return static_cast<int>(options_.request_timeout.count()); }
  // Publishes and waits for the reports of `records`, of which the first has the slot `first`.
  void deliver(std::span<const runtime::OutRecord> records, std::size_t first);
  [[nodiscard]] core::Error failed(const std::string& what, const rd_kafka_error_t& error) const;

  const core::TopicPartition where_;
  const std::string group_;
  const TransactionOptions options_;
  bool broken_ = false;       // not to be used for another transaction
  bool may_abort_ = false;    // this one
  std::uint32_t troubles_ = 0;        // of the client, when it was opened
  std::size_t reports_to_come_ = 0;
  std::vector<Slot> slots_;           // of the publish call; the reports point at them
  Introductions introductions_;
  std::shared_ptr<Client> client_;  // ends first
};

}  // namespace hostler::kafka
