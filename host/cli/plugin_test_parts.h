// What surrounds the real pipeline in `hostler plugin test`: a source that delivers a file's records, a publisher, an observer and a
// ledger that write down what came of them, a clock that does not wait. One thread.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/plugin_test_records.h"
#include "runtime/clock.h"
#include "runtime/ledger.h"
#include "runtime/observer.h"
#include "runtime/publisher.h"
#include "runtime/source.h"

namespace hostler::cli {

// Waiting takes no time; who waits for a minute in all waits for ever.
class TestClock final : public runtime::Clock {
 public:
  [[nodiscard]] core::Timestamp now() const override {
    return core::from_epoch_ms(1'800'000'000'000);
  } // the same in every way
  [[nodiscard]] core::SteadyTime steady() const override { return core::SteadyTime(passed_); }
  void wait(core::Millis time) override { passed_ += time; }
  [[nodiscard]] bool waits_for_ever() const { return passed_ > std::chrono::minutes(1); }

 private:
  core::Millis passed_{0};
};

class TestSource final : public runtime::Source {
 public:
  // `marks`: where each partition's fence is kept; null without a ledger. `shift` is added to offsets: the same events, sent again.
  TestSource(const std::vector<TestRecord>& records, std::map<core::TopicPartition, core::Mark>* marks,
             const TestClock& clock, std::map<core::TopicPartition, std::int64_t> shift);

  bool poll(core::Batch& out, std::size_t max_records, core::Millis, core::Millis) override;
  void settled(const core::Batch&, core::Offset) override {}
  void give_back(const core::Batch& batch, core::Offset resume_at, core::SteadyTime not_before) override;
  [[nodiscard]] bool owns(const core::Batch&) const override { return !stuck(); }
  [[nodiscard]] bool draining() const override { return stuck(); }
  [[nodiscard]] bool stuck() const { return clock_.waits_for_ever(); }

 private:
  struct Stream {
    core::TopicPartition where;
    std::vector<const TestRecord*> records;
    std::size_t position = 0;
    std::int64_t shift = 0;
  };
  class Storage;
  std::vector<Stream> streams_; // in the order of the file
  std::map<core::TopicPartition, core::Mark>* marks_;
  const TestClock& clock_;
};

struct Publication {
  std::string topic, key, value; // as text; "null" without quotes is null
  friend bool operator==(const Publication&, const Publication&) = default;
};

// Delivers everything. Copies for retry and dead letters are left out: the verdicts say the same.
class TestPublisher final : public runtime::Publisher {
 public:
  std::vector<runtime::PublishFailure> publish(std::span<const runtime::OutRecord> records) override;
  std::vector<Publication> published;
};

struct TestFate {
  std::string verdict = "done";
  std::string reason;
  friend bool operator==(const TestFate&, const TestFate&) = default;
};

// The fates of records that are not simply done, by origin.
class TestObserver final : public runtime::Observer {
 public:
  void batch_settled(std::string_view, const core::TopicPartition&, int, const runtime::SettledCounts& counts,
                     core::Millis) override;
  void record_noted(const runtime::RecordNote& note) override;
  void intake(std::string_view, std::string_view paused_because) override {
    if (!paused_because.empty()) paused = paused_because;
  }
  std::map<RecordPlace, TestFate> fates;
  std::uint64_t settled = 0;
  std::string paused; // why it waited last
};

// A ledger whose sessions write down the handler's SQL that was committed, as text with its parameters.
std::unique_ptr<runtime::Ledger> record_sql(runtime::Ledger& ledger, std::vector<std::string>& committed);

} // namespace hostler::cli
