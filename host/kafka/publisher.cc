#include "kafka/publisher.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include "kafka/client.h"
#include "kafka/client_config.h"
#include "kafka/produce.h"
#include "runtime/failpoint.h"

namespace hostler::kafka {
namespace {

using runtime::OutRecord;
using runtime::PublishFailure;

constexpr core::Millis introduction_time{500};  // for all of a call together

// One publish call: what came back for each record. Deletes itself with the last report, so that none can come too late.
class Call {
 public:
  struct Slot {
    Call* call = nullptr;
    std::atomic<rd_kafka_resp_err_t> err{RD_KAFKA_RESP_ERR_NO_ERROR};
  };

  explicit Call(std::size_t records) : slots_(records) {
    for (Slot& slot : slots_) slot.call = this;
  }
  // Awaits one more report, to be given as the opaque of the record.
  Slot* expect(std::size_t index) {
    open_.fetch_add(1);
    slots_[index].err = RD_KAFKA_RESP_ERR__TIMED_OUT;  // unless a report says otherwise
    return &slots_[index];
  }
  static void report(Slot* slot, rd_kafka_resp_err_t err) {
    slot->err = err;
    slot->call->close_one();
  }
  // Of a record without a report to wait for.
  void note(std::size_t index, rd_kafka_resp_err_t err) { slots_[index].err = err; }
  // Waits for all reports. False: some have not come by `until`.
  bool wait(core::SteadyTime until) {
    close_one();
    std::unique_lock lock(mutex_);
    return done_.wait_until(lock, until, [this] { return finished_; });
  }
  [[nodiscard]] rd_kafka_resp_err_t error(std::size_t index) const { return slots_[index].err.load(); }
  // The caller is done with it.
  void leave() { forget_one(); }

 private:
  void close_one() {
    if (open_.fetch_sub(1) != 1) return;
    {
      const std::lock_guard lock(mutex_);
      finished_ = true;
      done_.notify_all();
    }
    forget_one();
  }
  void forget_one() {
    if (holders_.fetch_sub(1) == 1) delete this;
  }

  std::vector<Slot> slots_;
  std::atomic<std::size_t> open_{1};     // reports to come, and the caller until it waits
  std::atomic<int> holders_{2};          // the caller, and the reports as a whole
  std::mutex mutex_;
  std::condition_variable done_;
  bool finished_ = false;                // guarded by mutex_
};

// One producer instance and the thread that takes its reports.
class Producer {
 public:
  // Whatever is still in it when it ends has `leave_time` to leave.
  Producer(std::shared_ptr<Client> client, core::Millis leave_time) : client_(std::move(client)), leave_time_(leave_time) {
    reports_ = std::thread([this] {
      while (!stop_.load()) rd_kafka_poll(client_->get(), 100);
    });
  }
  ~Producer() {
    if (!broken()) rd_kafka_flush(client_->get(), static_cast<int>(leave_time_.count()));
    rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(client_->get(), 1'000);  // the reports of what was purged
    stop_.store(true);
    reports_.join();
    introductions_.clear();
  }
  void leave_by(core::SteadyTime until) {
    const auto left = std::chrono::duration_cast<core::Millis>(until - std::chrono::steady_clock::now());
    leave_time_ = std::clamp(left, core::Millis(0), leave_time_);
  }
  void introduce(const std::string& topic, core::SteadyTime until) { introductions_.introduce(get(), topic, until); }
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  [[nodiscard]] rd_kafka_t* get() const { return client_->get(); }
  [[nodiscard]] bool broken() const { return rd_kafka_fatal_error(client_->get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR; }
  [[nodiscard]] Client& client() const { return *client_; }

 private:
  const std::shared_ptr<Client> client_;
  core::Millis leave_time_;
  Introductions introductions_;
  std::atomic<bool> stop_{false};
  std::thread reports_;
};

void delivery_report(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  auto* client = static_cast<Client*>(self);
  const rd_kafka_resp_err_t err = reported_error(*message);  // published again it is at worst a repeat, which the protocol absorbs
  if (err == RD_KAFKA_RESP_ERR_NO_ERROR) client->heard_from_broker();
  if (auto* slot = static_cast<Call::Slot*>(message->_private)) {
    Call::report(slot, err);
  } else if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const std::string topic = rd_kafka_topic_name(message->rkt);
    client->reporter().trouble(LogLevel::warning, "output to " + topic, rd_kafka_err2name(err),
                               "a record for " + topic + " that nobody waits for was not delivered: " + error_text(err));
  }
}

// What the client said without asking: a topic that was missing or forbidden when it last looked may not be so now.
bool may_have_changed(rd_kafka_resp_err_t err) {
  return err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
         err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

}  // namespace

class KafkaPublisher::Impl {
 public:
  explicit Impl(PublisherOptions options) : options_(std::move(options)) {}

  core::Status<> start() {
    auto made = make_producer();
    if (!made) return made.error();
    const std::lock_guard lock(mutex_);
    producer_ = std::move(*made);
    return core::Status<>::success();
  }
  std::vector<PublishFailure> publish(std::span<const OutRecord> records);
  void close(core::SteadyTime until) {
    std::shared_ptr<Producer> last;  // ends outside the lock
    const std::lock_guard lock(mutex_);
    closed_ = true;
    last = std::exchange(producer_, nullptr);
    if (last) last->leave_by(until);
  }

 private:
  using Indexes = std::vector<std::size_t>;
  using Errors = std::vector<rd_kafka_resp_err_t>;  // one per record of the call

  core::Result<std::shared_ptr<Producer>> make_producer() const;
  core::Result<std::shared_ptr<Producer>> current();
  void send(Producer& producer, std::span<const OutRecord> records, const Indexes& which, Errors& errors) const;
  void send_to_changed_topics(Producer& producer, std::span<const OutRecord> records, Errors& errors) const;
  void send_alone(Producer& producer, std::span<const OutRecord> records, Errors& errors) const;

  const PublisherOptions options_;
  std::mutex mutex_;
  std::shared_ptr<Producer> producer_;  // guarded by mutex_
  bool closed_ = false;                 // likewise
};

core::Result<std::shared_ptr<Producer>> KafkaPublisher::Impl::make_producer() const {
  auto conf = publisher_config(options_);
  if (!conf) return conf.error();
  rd_kafka_conf_set_dr_msg_cb(conf->get(), &delivery_report);
  auto client = Client::create(RD_KAFKA_PRODUCER, std::move(*conf), options_.log, "producer");
  if (!client) return client.error();
  return std::make_shared<Producer>(std::move(*client), options_.delivery_timeout);
}

core::Result<std::shared_ptr<Producer>> KafkaPublisher::Impl::current() {
  std::shared_ptr<Producer> broken;  // ends outside the lock
  const std::lock_guard lock(mutex_);
  if (closed_) return core::Error{"the publisher is closed: the host is stopping"};
  if (producer_ == nullptr || producer_->broken()) {
    auto made = make_producer();
    if (!made) return made.error();
    if (producer_) producer_->client().reporter().say(LogLevel::warning, "goes on with a new producer after a fatal error");
    broken = std::exchange(producer_, std::move(*made));
  }
  return producer_;
}

std::vector<PublishFailure> KafkaPublisher::Impl::publish(std::span<const OutRecord> records) {
  std::vector<PublishFailure> failures;
  if (records.empty()) return failures;
  const auto producer = current();
  if (!producer) {
    for (std::size_t i = 0; i < records.size(); ++i) failures.push_back({i, PublishFailure::Kind::unavailable, producer.error().message});
    return failures;
  }
  Indexes all(records.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  Errors errors(records.size(), RD_KAFKA_RESP_ERR_NO_ERROR);
  std::set<std::string_view> topics;
  const core::SteadyTime introduced_until = std::chrono::steady_clock::now() + introduction_time;
  for (const auto& record : records)
    if (topics.insert(record.topic).second) (*producer)->introduce(record.topic, introduced_until);
  send(**producer, records, all, errors);
  send_to_changed_topics(**producer, records, errors);
  send_alone(**producer, records, errors);
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (errors[i] == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    failures.push_back({i, kind_of(errors[i]), "cannot publish to " + records[i].topic + ": " + error_text(errors[i])});
  }
  return failures;
}

void KafkaPublisher::Impl::send(Producer& producer, std::span<const OutRecord> records, const Indexes& which, Errors& errors) const {
  const core::SteadyTime until = std::chrono::steady_clock::now() + options_.delivery_timeout;
  auto* call = new Call(records.size());  // NOLINT: deletes itself
  for (const std::size_t i : which) {
    Call::Slot* slot = records[i].await ? call->expect(i) : nullptr;
    rd_kafka_resp_err_t err = produce(producer.get(), records[i], slot);
    while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(core::Millis(1));  // the queue empties by itself; there is nothing to wait on
      err = produce(producer.get(), records[i], slot);
    }
    static_cast<void>(runtime::failpoint("produced"));
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    if (slot != nullptr) {
      Call::report(slot, err);
    } else {
      call->note(i, err);
    }
  }
  // Reports come within the delivery timeout; the rest is for a client that is late.
  call->wait(until + core::Millis(10'000));
  for (const std::size_t i : which) errors[i] = call->error(i);
  call->leave();
}

void KafkaPublisher::Impl::send_to_changed_topics(Producer& producer, std::span<const OutRecord> records, Errors& errors) const {
  std::map<std::string, bool> exists;
  Indexes again;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!may_have_changed(errors[i])) continue;
    const std::string& topic = records[i].topic;
    if (!exists.contains(topic)) {
      const TopicHandle handle(rd_kafka_topic_new(producer.get(), topic.c_str(), nullptr));
      exists[topic] = topic_exists(producer.get(), handle.get(), options_.missing_topic_timeout);
    }
    if (exists[topic]) again.push_back(i);
  }
  if (!again.empty()) send(producer, records, again, errors);
}

// The client sends up to 1 MB at once and the broker refuses the whole of it: only a record sent alone is known to be too large.
void KafkaPublisher::Impl::send_alone(Producer& producer, std::span<const OutRecord> records, Errors& errors) const {
  if (records.size() < 2) return;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (kind_of(errors[i]) == PublishFailure::Kind::too_large && records[i].await) send(producer, records, {i}, errors);
  }
}

KafkaPublisher::KafkaPublisher(PublisherOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
KafkaPublisher::~KafkaPublisher() = default;
core::Status<> KafkaPublisher::start() { return impl_->start(); }
std::vector<PublishFailure> KafkaPublisher::publish(std::span<const OutRecord> records) { return impl_->publish(records); }
void KafkaPublisher::close(core::SteadyTime until) { impl_->close(until); }

}  // namespace hostler::kafka
