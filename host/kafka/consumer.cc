#include "kafka/consumer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "kafka/client.h"
#include "kafka/client_config.h"
#include "kafka/committer.h"
#include "kafka/lane_source.h"
#include "kafka/lane_transaction.h"
#include "kafka/membership.h"
#include "kafka/topic_pattern.h"
#include "kafka/wakeup.h"

namespace hostler::kafka {

class KafkaConsumer::Impl {
 public:
  explicit Impl(ConsumerOptions options) : options_(std::move(options)) {
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.lanes, 1); ++i) {
      auto transaction = options_.transactions ? std::make_unique<LaneTransaction>(options_) : nullptr;
      lanes_.push_back(std::make_unique<LaneSource>(ControlCalls{[this] { committer_->noted(); }, [this] { wakeup_.notify(); }}, std::move(transaction)));
    }
  }

  runtime::Source& source(std::size_t lane) { return *lanes_.at(lane); }

  core::Status<> start();
  void drain() {
    for (const auto& lane : lanes_) lane->drain();
  }
  void close();
  [[nodiscard]] runtime::ConsumerState state() const { return started_.load() ? membership_->state() : runtime::ConsumerState{}; }
  [[nodiscard]] std::vector<runtime::PartitionProgress> progress() const {
    std::vector<runtime::PartitionProgress> out;
    for (const auto& lane : lanes_) lane->progress(out);
    return out;
  }

 private:
  core::Status<> subscribe();
  void rejoin();
  void run();
  void serve_group();
  void take_message(const rd_kafka_message_t& message);

  // A poll at least this often keeps the member in the group.
  static constexpr std::chrono::seconds poll_at_least_every{1};

  const ConsumerOptions options_;
  Wakeup wakeup_;  // the control thread's
  Membership::Lanes lanes_;
  std::shared_ptr<Client> client_;
  std::unique_ptr<Committer> committer_;
  std::unique_ptr<Membership> membership_;
  QueueHandle group_queue_;
  std::atomic<bool> started_{false};
  std::atomic<bool> stop_{false};
  std::thread control_;
};

core::Status<> KafkaConsumer::Impl::start() {
  if (options_.assignments == nullptr) return core::Error{"group " + options_.group + ": nobody to ask where assignments start"};
  auto conf = consumer_config(options_);
  if (!conf) return conf.error();
  auto client = Client::create(RD_KAFKA_CONSUMER, std::move(*conf), options_.log, "group " + options_.group);
  if (!client) return client.error();
  client_ = std::move(*client);
  rd_kafka_poll_set_consumer(client_->get());
  committer_ = std::make_unique<Committer>(*client_, options_, [this] { wakeup_.notify(); });
  membership_ = std::make_unique<Membership>(options_, client_, lanes_, *committer_);
  client_->on_rebalance = [this](rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions) {
    membership_->rebalance(what, partitions);
  };
  group_queue_.reset(rd_kafka_queue_get_consumer(client_->get()));
  rd_kafka_queue_cb_event_enable(
      group_queue_.get(), [](rd_kafka_t*, void* self) { static_cast<Impl*>(self)->wakeup_.notify(); }, this);
  if (auto subscribed = subscribe(); !subscribed) return subscribed;
  control_ = std::thread([this] { run(); });
  started_.store(true);
  return core::Status<>::success();
}

core::Status<> KafkaConsumer::Impl::subscribe() {
  const PartitionList topics = new_partition_list();
  const auto add = [&](const std::string& topic) {
    const std::string name = is_pattern(topic) ? to_regex(topic) : topic;
    if (rd_kafka_topic_partition_list_find(topics.get(), name.c_str(), RD_KAFKA_PARTITION_UA) == nullptr) {
      rd_kafka_topic_partition_list_add(topics.get(), name.c_str(), RD_KAFKA_PARTITION_UA);
    }
  };
  if (options_.role == ConsumerOptions::Role::main) {
    for (const std::string& topic : options_.topics) add(topic);
  } else {
    for (const RetryTier& tier : options_.tiers) add(tier.topic);
  }
  if (topics->cnt == 0) return core::Error{"group " + options_.group + ": no topics to read"};
  const rd_kafka_resp_err_t err = rd_kafka_subscribe(client_->get(), topics.get());
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) return core::Error{"group " + options_.group + ": cannot subscribe: " + error_text(err)};
  return core::Status<>::success();
}

// What the client gave up for good is given to it anew with the next assignment.
void KafkaConsumer::Impl::rejoin() {
  client_->reporter().say(LogLevel::info, "leaves the group and joins again, to read on where an operator said");
  rd_kafka_unsubscribe(client_->get());
  if (auto subscribed = subscribe(); !subscribed) client_->reporter().say(LogLevel::error, subscribed.error().message);
}

void KafkaConsumer::Impl::run() {
  while (!stop_.load()) {
    serve_group();
    core::SteadyTime now = std::chrono::steady_clock::now();
    core::SteadyTime again = now + poll_at_least_every;
    again = std::min(again, membership_->tick(now));
    if (membership_->must_rejoin()) rejoin();
    again = std::min(again, committer_->tick(membership_->assigned(), std::chrono::steady_clock::now()));
    wakeup_.wait_until(again);
  }
  rd_kafka_consumer_close(client_->get());  // revokes what is assigned: commits and lets go
  client_->on_rebalance = nullptr;
  membership_->end();
}

// Everything that waits in the group's queue. A rebalance interrupts it, and is dealt with before the next.
void KafkaConsumer::Impl::serve_group() {
  while (!stop_.load()) {
    if (const MessageHandle message{rd_kafka_consumer_poll(client_->get(), 0)}) {
      take_message(*message);
      continue;
    }
    if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__INTR) return;
    membership_->tick(std::chrono::steady_clock::now());
  }
}

void KafkaConsumer::Impl::take_message(const rd_kafka_message_t& message) {
  const std::string topic = message.rkt == nullptr ? std::string() : rd_kafka_topic_name(message.rkt);
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {  // records belong into the partitions' queues
    client_->reporter().trouble(LogLevel::error, "leak", topic, "a record of " + topic + " came by the wrong way; it is read again");
    membership_->read_again({topic, {message.partition}}, {message.offset});
    return;
  }
  // Retry topics may be created by the first failure; a source topic that is missing is worth a warning.
  const bool missing = message.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  const LogLevel level = !missing                                           ? LogLevel::error
                         : options_.role == ConsumerOptions::Role::retry ? LogLevel::info
                                                                         : LogLevel::warning;
  client_->reporter().trouble(level, topic.empty() ? "group" : "topic " + topic, rd_kafka_err2name(message.err),
                              std::string(rd_kafka_err2name(message.err)) + ": " + rd_kafka_message_errstr(&message));
}

void KafkaConsumer::Impl::close() {
  drain();
  stop_.store(true);
  wakeup_.notify();
  if (control_.joinable()) control_.join();
  if (group_queue_) rd_kafka_queue_cb_event_enable(group_queue_.get(), nullptr, nullptr);
  group_queue_.reset();
}

KafkaConsumer::KafkaConsumer(ConsumerOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
KafkaConsumer::~KafkaConsumer() { impl_->close(); }
runtime::Source& KafkaConsumer::source(std::size_t lane) { return impl_->source(lane); }
core::Status<> KafkaConsumer::start() { return impl_->start(); }
void KafkaConsumer::drain() { impl_->drain(); }
void KafkaConsumer::close() { impl_->close(); }
runtime::ConsumerState KafkaConsumer::state() const { return impl_->state(); }
std::vector<runtime::PartitionProgress> KafkaConsumer::progress() const { return impl_->progress(); }

}  // namespace hostler::kafka
