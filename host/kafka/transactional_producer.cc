#include "kafka/transactional_producer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <future>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "core/topic_names.h"
#include "kafka/client_config.h"
#include "runtime/failpoint.h"

namespace hostler::kafka {
namespace {

using runtime::OutRecord;
using runtime::PublishFailure;
using std::chrono::steady_clock;

constexpr core::Millis introduction_time{500};  // for all topics of a call together
constexpr core::Millis late_reports{2'000};     // beyond the delivery time-out, for a client that is late

// As configured, which may be the user's.
core::Millis transaction_timeout(const rd_kafka_conf_t* conf) {
  std::array<char, 32> text{};
  std::size_t size = text.size();
  std::int64_t ms = 0;
  if (rd_kafka_conf_get(conf, "transaction.timeout.ms", text.data(), &size) == RD_KAFKA_CONF_OK) std::from_chars(text.data(), text.data() + size - 1, ms);
  return core::Millis(ms);
}

// One send_offsets call on a thread of its own: until 2.15 at least it can wait for ever for a group coordinator that is not available
// for a moment. Whoever gives it up leaves it the client.
struct OffsetsCall {
  std::shared_ptr<Client> client;
  PartitionList offsets;
  GroupMetadataHandle member;
  int timeout_ms = 0;
  std::promise<ErrorHandle> answer;
};

std::future<ErrorHandle> start(std::shared_ptr<OffsetsCall> call) {
  auto answer = call->answer.get_future();
  std::thread([call = std::move(call)]() mutable {
    ErrorHandle error(rd_kafka_send_offsets_to_transaction(call->client->get(), call->offsets.get(), call->member.get(), call->timeout_ms));
    auto promise = std::move(call->answer);
    call.reset();  // a client that was given up ends here
    promise.set_value(std::move(error));
  }).detach();
  return answer;
}

// The group's coordinator does not take offsets from this member, or not of this generation.
bool is_stale(rd_kafka_resp_err_t err) {
  return err == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || err == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID || err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

}  // namespace

core::Result<std::unique_ptr<TransactionalProducer>> TransactionalProducer::open(const ConsumerOptions& options, const core::TopicPartition& where,
                                                                                            std::size_t turn) {
  auto conf = transactional_config(options, where, turn);
  if (!conf) return conf.error();
  rd_kafka_conf_set_dr_msg_cb(conf->get(), &TransactionalProducer::delivery_report);
  TransactionOptions limits = *options.transactions;
  limits.timeout = transaction_timeout(conf->get());
  // The consumer's client tells of trouble with the brokers; what goes wrong in a transaction is told by whoever runs it.
  const LogFn quiet = [log = options.log](LogLevel, std::string_view text) {
    if (log) log(LogLevel::debug, text);
  };
  auto client = Client::create(RD_KAFKA_PRODUCER, std::move(*conf), quiet, "transactions of " + where.topic + "/" + std::to_string(where.partition.value));
  if (!client) return client.error();
  std::unique_ptr<TransactionalProducer> producer(new TransactionalProducer(std::move(*client), where, options.group, limits));
  const ErrorHandle error(rd_kafka_init_transactions(producer->client_->get(), static_cast<int>(limits.opening_timeout.count())));
  if (error) return producer->failed("take over the transactions", *error);
  producer->troubles_ = producer->client_->troubles();
  return producer;
}

TransactionalProducer::~TransactionalProducer() {
  if (client_ == nullptr || reports_to_come_ == 0) return;
  rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(client_->get(), 1'000);  // the reports of what was purged
}

bool TransactionalProducer::usable() {
  rd_kafka_poll(client_->get(), 0);
  // A connection that broke may have left a request on its way, and one that was sent again besides. What is late must find another epoch.
  broken_ |= client_->troubles() != troubles_ || rd_kafka_fatal_error(client_->get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
  return !broken_;
}

core::Status<> TransactionalProducer::begin() {
  if (const ErrorHandle error(rd_kafka_begin_transaction(client_->get())); error) {
    broken_ = true;
    return failed("begin a transaction", *error);
  }
  may_abort_ = true;
  return core::Status<>::success();
}

std::vector<PublishFailure> TransactionalProducer::publish(std::span<const OutRecord> records, Manner manner) {
  std::set<std::string_view> topics;
  const core::SteadyTime introduced_until = steady_clock::now() + introduction_time;
  for (const auto& record : records)
    if (topics.insert(record.topic).second) introductions_.introduce(client_->get(), record.topic, introduced_until);
  slots_.assign(records.size(), {this, RD_KAFKA_RESP_ERR_NO_ERROR});
  const std::size_t at_once = manner == Manner::together ? records.size() : 1;
  std::vector<PublishFailure> failures;
  for (std::size_t first = 0; first < records.size() && failures.empty(); first += at_once) {
    deliver(records.subspan(first, at_once), first);
    for (std::size_t i = first; i < first + at_once; ++i) {
      const auto err = slots_[i].err;
      if (err != RD_KAFKA_RESP_ERR_NO_ERROR) failures.push_back({i, kind_of(err), "cannot publish to " + records[i].topic + ": " + error_text(err)});
    }
  }
  // What failed may have cost the client its sequence numbers; seen with 2.0.2: the first record of the next transaction was purged.
  broken_ |= !failures.empty();
  return failures;
}

void TransactionalProducer::deliver(std::span<const OutRecord> records, std::size_t first) {
  rd_kafka_t* rk = client_->get();
  const core::SteadyTime until = steady_clock::now() + options_.timeout + late_reports;
  for (std::size_t i = 0; i < records.size(); ++i) {
    Slot& slot = slots_[first + i];
    slot.err = RD_KAFKA_RESP_ERR__TIMED_OUT;  // unless a report says otherwise
    rd_kafka_resp_err_t err = produce(rk, records[i], &slot);
    while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL && steady_clock::now() < until) {
      rd_kafka_poll(rk, 1);
      err = produce(rk, records[i], &slot);
    }
    static_cast<void>(runtime::failpoint("produced"));
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ++reports_to_come_;
    } else {
      slot.err = err;
    }
  }
  while (reports_to_come_ > 0 && steady_clock::now() < until) rd_kafka_poll(rk, 100);
}

void TransactionalProducer::delivery_report(rd_kafka_t*, const rd_kafka_message_t* report, void*) {
  auto& slot = *static_cast<Slot*>(report->_private);
  slot.err = reported_error(*report);
  --slot.producer->reports_to_come_;
}

core::Status<> TransactionalProducer::send_offset(core::Offset next, GroupMetadataHandle member) {
  const auto call = std::make_shared<OffsetsCall>();
  call->client = client_;
  call->offsets = new_partition_list(1);
  rd_kafka_topic_partition_list_add(call->offsets.get(), where_.topic.c_str(), where_.partition.value)->offset = next.value;
  call->member = std::move(member);
  call->timeout_ms = patience();
  auto answer = start(call);
  if (answer.wait_for(options_.request_timeout + late_reports) != std::future_status::ready) {
    broken_ = true;
    may_abort_ = false;  // that call goes on
    return core::Error{"the group's coordinator does not take the offset within " + std::to_string(patience()) + " ms"};
  }
  const ErrorHandle error = answer.get();
  if (!error) return core::Status<>::success();
  // Surely refused, or else the request may be on its way still.
  broken_ |= !is_stale(rd_kafka_error_code(error.get()));
  return failed("move the group's offset", *error);
}

core::Status<> TransactionalProducer::commit() {
  may_abort_ = false;
  const ErrorHandle error(rd_kafka_commit_transaction(client_->get(), patience()));
  if (!error) return core::Status<>::success();
  broken_ = true;
  return failed("commit the transaction", *error);
}

void TransactionalProducer::abort() {
  // Not with reports to come: librdkafka may be about to add partitions to the transaction, and would take the brokers' answer for fatal.
  if (!std::exchange(may_abort_, false) || reports_to_come_ > 0) return;
  const ErrorHandle error(rd_kafka_abort_transaction(client_->get(), patience()));
  broken_ |= error != nullptr;
}

core::Error TransactionalProducer::failed(const std::string& what, const rd_kafka_error_t& error) const {
  const std::string mend = rd_kafka_error_code(&error) != RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED
                               ? ""
                               : "; this user needs the rights Write and Describe on the transactional ids that begin with " + core::transactional_prefix(group_);
  return core::Error{"cannot " + what + ": " + rd_kafka_error_name(&error) + ": " + rd_kafka_error_string(&error) + mend};
}

}  // namespace hostler::kafka
