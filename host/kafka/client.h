// A librdkafka instance and what its callbacks need. A consumer's is shared by every batch that still holds its messages:
// the instance is destroyed after the last of them. Private to kafka/.
// Thread-safety: constant after construction, but for `on_rebalance` (the thread that polls the group queue); refused_login() and troubles()
// any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/result.h"
#include "kafka/handles.h"
#include "kafka/reporter.h"

namespace hostler::kafka {

class Client {
 public:
  using OnRebalance = std::function<void(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions)>;

  // Errors and log lines of the instance go to `log`, each line beginning with `who`; repeats once a minute.
  static core::Result<std::shared_ptr<Client>> create(rd_kafka_type_t type, ConfHandle conf, LogFn log, std::string who);

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] rd_kafka_t* get() const { return handle_.get(); }
  [[nodiscard]] Reporter& reporter() { return reporter_; }
  // Something was heard from a broker: the trouble with the brokers, if any, is over.
  void heard_from_broker() {
    if (!heard_.load(std::memory_order_relaxed)) {
      heard_.store(true);
      hang_up("");
    }
    if (in_trouble_.load(std::memory_order_relaxed) && in_trouble_.exchange(false)) {
      reporter_.over("brokers", "the brokers answer again");
      reporter_.forget("a broker");
      if (!refused_login().empty()) reporter_.over("login", "the brokers let this host in");
      refuse_login("");
    }
  }
  // Why the brokers do not let this client in, with the mend; empty while nobody said so. Known once the client's events were polled.
  [[nodiscard]] std::string refused_login() const {
    const std::lock_guard lock(mutex_);
    return refused_login_;
  }
  // What the brokers' hanging up may mean; empty if they do not, or have ever answered. Known likewise.
  [[nodiscard]] std::string hang_up_hint() const {
    const std::lock_guard lock(mutex_);
    return hang_up_hint_;
  }

  // How many times so far the client told of a trouble in which a request may have been lost, or be late; it tells when its events are polled.
  [[nodiscard]] std::uint32_t troubles() const { return troubles_.load(std::memory_order_relaxed); }

  OnRebalance on_rebalance;  // empty: every assignment is declined

 private:
  Client(LogFn log, std::string who) : log_(std::move(log)), who_(std::move(who)), reporter_(log_, who_) {}
  ~Client() = default;
  static void end(Client* client);
  void refuse_login(std::string why) {
    const std::lock_guard lock(mutex_);
    refused_login_ = std::move(why);
  }
  void hang_up(std::string hint) {
    const std::lock_guard lock(mutex_);
    hang_up_hint_ = std::move(hint);
  }
  void broker_failed(rd_kafka_resp_err_t code, const std::string& text);
  static void rebalance(rd_kafka_t* rk, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions, void* self);
  static void error(rd_kafka_t* rk, int err, const char* text, void* self);
  static void log_line(const rd_kafka_t* rk, int level, const char* facility, const char* text);

  const LogFn log_;
  const std::string who_;
  Reporter reporter_;
  std::atomic<bool> in_trouble_{false}, heard_{false};
  std::atomic<std::uint32_t> troubles_{0};
  bool scram_fails_ = false;  // set by create()
  mutable std::mutex mutex_;
  std::string refused_login_;  // guarded by mutex_, as the next
  std::string hang_up_hint_;
  ClientHandle handle_;  // last: its threads log until it is gone
};

}  // namespace hostler::kafka
