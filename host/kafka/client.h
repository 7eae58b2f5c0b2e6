// A librdkafka instance and what its callbacks need. A consumer's is shared by every batch that still holds its messages:
// the instance is destroyed after the last of them. Private to kafka/.
// Thread-safety: constant after construction, but for `on_rebalance` (the thread that polls the group queue).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
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
    if (in_trouble_.load(std::memory_order_relaxed) && in_trouble_.exchange(false)) {
      reporter_.over("brokers", "the brokers answer again");
      reporter_.forget("a broker");
    }
  }

  OnRebalance on_rebalance;  // empty: every assignment is declined

 private:
  Client(LogFn log, std::string who) : log_(std::move(log)), who_(std::move(who)), reporter_(log_, who_) {}
  ~Client() = default;
  static void end(Client* client);
  static void rebalance(rd_kafka_t* rk, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* partitions, void* self);
  static void error(rd_kafka_t* rk, int err, const char* text, void* self);
  static void log_line(const rd_kafka_t* rk, int level, const char* facility, const char* text);

  const LogFn log_;
  const std::string who_;
  Reporter reporter_;
  std::atomic<bool> in_trouble_{false};
  ClientHandle handle_;  // last: its threads log until it is gone
};

}  // namespace hostler::kafka
