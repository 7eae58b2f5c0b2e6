// One member of a group under test: a KafkaConsumer with a thread per lane that does what a script says with every batch,
// and by default notes it and settles it. Thread-safety: the test's thread; what it has seen may be asked at any time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "kafka/consumer.h"
#include "support/catch.h"
#include "support/env.h"
#include "support/kafka_client.h"
#include "support/wait.h"

namespace hostler::testing {

using kafka::ConsumerOptions;

// Says where assignments start: where Kafka says, unless told otherwise.
class ScriptedAssignments final : public runtime::Assignments {
 public:
  core::Result<std::vector<runtime::StartPosition>> start_positions(std::span<const runtime::AssignedPartition> assigned) override {
    const std::lock_guard lock(mutex_);
    ++asked_;
    if (refusing_) return core::Error{"not now, says the test"};
    std::vector<runtime::StartPosition> positions;
    for (const auto& a : assigned) {
      starts_seen_[a.where] = a.start;
      runtime::StartPosition position{a.start, {}};
      if (const auto refused = refused_.find(a.where); refused != refused_.end()) position = {{}, {}, refused->second};
      else if (const auto mark = marks_.find(a.where); mark != marks_.end()) {
        position.start = mark->second;
        position.mark = core::Mark{mark->second, epoch_, 0};
      }
      positions.push_back(position);
    }
    return positions;
  }
  void revoked(std::span<const core::TopicPartition> partitions, bool lost) override {
    const std::lock_guard lock(mutex_);
    revoked_ += partitions.size();
    lost_ += lost ? partitions.size() : 0;
  }

  core::Result<std::vector<std::optional<core::Offset>>> remembered(std::span<const core::TopicPartition> partitions) override {
    const std::lock_guard lock(mutex_);
    std::vector<std::optional<core::Offset>> out;
    for (const auto& where : partitions) {
      const auto mark = marks_.find(where);
      out.push_back(mark == marks_.end() ? std::nullopt : std::optional(mark->second));
    }
    return out;
  }
  bool moved(const core::TopicPartition& /*where*/, const core::Mark& mark) override {
    const std::lock_guard lock(mutex_);
    return mark.epoch < epoch_;
  }
  void acknowledged(const core::TopicPartition& where, const core::Mark& mark, core::Offset acked) override {
    const std::lock_guard lock(mutex_);
    acknowledged_[where] = {mark.epoch, acked.value};
  }

  void refuse(bool on) {
    const std::lock_guard lock(mutex_);
    refusing_ = on;
  }
  void set_mark(const core::TopicPartition& where, std::int64_t next) {
    const std::lock_guard lock(mutex_);
    marks_[where] = {next};
  }
  // As an operator does while somebody reads.
  void move_mark(const core::TopicPartition& where, std::int64_t next) {
    const std::lock_guard lock(mutex_);
    marks_[where] = {next};
    ++epoch_;
  }
  void refuse(const core::TopicPartition& where, const core::Refusal& why) {
    const std::lock_guard lock(mutex_);
    refused_[where] = why;
  }
  void accept(const core::TopicPartition& where) {
    const std::lock_guard lock(mutex_);
    refused_.erase(where);
  }
  // Epoch of the mark, and what Kafka acknowledged under it.
  std::pair<std::int64_t, std::int64_t> last_acknowledged(const core::TopicPartition& where) const {
    const std::lock_guard lock(mutex_);
    const auto found = acknowledged_.find(where);
    return found == acknowledged_.end() ? std::pair<std::int64_t, std::int64_t>(-1, -1) : found->second;
  }
  std::size_t asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  std::size_t revoked_count() const {
    const std::lock_guard lock(mutex_);
    return revoked_;
  }
  std::size_t lost_count() const {
    const std::lock_guard lock(mutex_);
    return lost_;
  }
  std::map<core::TopicPartition, core::Offset> starts_seen() const {
    const std::lock_guard lock(mutex_);
    return starts_seen_;
  }

 private:
  mutable std::mutex mutex_;
  bool refusing_ = false;
  std::size_t asked_ = 0, revoked_ = 0, lost_ = 0;
  std::int64_t epoch_ = 7;
  std::map<core::TopicPartition, core::Offset> marks_, starts_seen_;
  std::map<core::TopicPartition, core::Refusal> refused_;
  std::map<core::TopicPartition, std::pair<std::int64_t, std::int64_t>> acknowledged_;
};

struct SeenRecord {
  core::TopicPartition where;
  std::int64_t offset;
  std::string value;
  std::int64_t stamped_ms;   // timestamp of the delivered record
  std::int64_t seen_ms;      // wall clock
};

inline std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

class Member {
 public:
  using Script = std::function<void(runtime::Source&, core::Batch&)>;

  explicit Member(ConsumerOptions options, Script script = {}) : script_(std::move(script)), lanes_(options.lanes) {
    options.assignments = &assignments;
    options.log = [this](kafka::LogLevel level, std::string_view text) {
      const std::lock_guard lock(mutex_);
      log_.emplace_back(text);
      if (std::getenv("HOSTLER_TEST_VERBOSE") != nullptr) std::cerr << wall_ms() % 100000 << " " << static_cast<int>(level) << " " << text << "\n";
    };
    consumer_ = std::make_unique<kafka::KafkaConsumer>(std::move(options));
  }
  ~Member() { stop(); }

  Member& start() {
    const auto started = consumer_->start();
    if (!started) throw std::runtime_error(started.error().message);
    for (std::size_t i = 0; i < lanes_; ++i) threads_.emplace_back([this, i] { run(consumer_->source(i)); });
    return *this;
  }
  // Drains, waits for the lanes, leaves the group.
  void stop() {
    if (threads_.empty()) return;
    consumer_->drain();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    consumer_->close();
  }

  [[nodiscard]] runtime::ConsumerState state() const { return consumer_->state(); }
  [[nodiscard]] kafka::KafkaConsumer& consumer() { return *consumer_; }
  [[nodiscard]] std::vector<SeenRecord> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  [[nodiscard]] std::size_t seen_count() const {
    const std::lock_guard lock(mutex_);
    return seen_.size();
  }
  // Offsets in the order they came.
  [[nodiscard]] std::vector<std::int64_t> offsets(std::int32_t partition = 0) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::int64_t> found;
    for (const auto& r : seen_) {
      if (r.where.partition.value == partition) found.push_back(r.offset);
    }
    return found;
  }
  [[nodiscard]] bool logged(const std::string& text) const { return lines_with(text) > 0; }
  [[nodiscard]] int lines_with(const std::string& text) const {
    const std::lock_guard lock(mutex_);
    int count = 0;
    for (const auto& line : log_) count += line.find(text) != std::string::npos;
    return count;
  }
  void note(const core::Batch& batch) {
    const std::lock_guard lock(mutex_);
    for (const auto& r : batch.records) {
      seen_.push_back({batch.where, r.delivered_offset.value, std::string(r.value.view()), core::to_epoch_ms(r.delivered_timestamp), wall_ms()});
    }
  }
  static core::Offset end_of(const core::Batch& batch) { return batch.records.back().delivered_offset.next(); }

  ScriptedAssignments assignments;
  std::size_t max_records = 100;
  core::Millis max_wait{0};

 private:
  void run(runtime::Source& source) {
    core::Batch batch;
    while (!source.draining()) {
      if (!source.poll(batch, max_records, max_wait, std::chrono::seconds(1))) continue;
      if (script_) {
        script_(source, batch);
      } else {
        note(batch);
        source.settled(batch, end_of(batch));
      }
    }
  }

  const Script script_;
  const std::size_t lanes_;
  std::unique_ptr<kafka::KafkaConsumer> consumer_;
  std::vector<std::thread> threads_;
  mutable std::mutex mutex_;
  std::vector<SeenRecord> seen_;
  std::vector<std::string> log_;
};

// A closed door in a script: who waits is counted, who opens lets all through.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    --waiting_;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  bool somebody_waits() {
    const std::lock_guard lock(mutex_);
    return waiting_ > 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

// Options for a quick group of one topic.
inline ConsumerOptions member_options(const std::string& group, std::vector<std::string> topics) {
  ConsumerOptions options;
  options.brokers = kafka_bootstrap();
  options.group = group;
  options.topics = std::move(topics);
  options.properties = {{"heartbeat.interval.ms", "100"}, {"session.timeout.ms", "6000"}};
  return options;
}

inline void produce_numbers(KafkaClient& client, const std::string& topic, int from, int to, int partition = 0) {
  for (int i = from; i < to; ++i) client.produce(topic, {std::nullopt, std::to_string(i), {}, partition});
  client.flush();
}

inline std::vector<std::int64_t> numbers(std::int64_t from, std::int64_t to) {
  std::vector<std::int64_t> all;
  for (auto i = from; i < to; ++i) all.push_back(i);
  return all;
}

}  // namespace hostler::testing
