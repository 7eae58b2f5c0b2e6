// A source that delivers what a test wrote down, and reads again from where it is told. One partition; one thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/headers.h"
#include "runtime/source.h"
#include "runtime/transaction.h"

namespace hostler::testing {

struct ScriptedRecord {
  std::optional<std::string> key, value;
  std::vector<core::OwnedHeader> headers;
};

class ScriptedSource final : public runtime::Source {
 public:
  explicit ScriptedSource(core::TopicPartition where) : where_(std::move(where)) {}

  core::Mark mark;                    // handed out with each batch where `with_mark`
  bool with_mark = true;
  std::optional<std::uint32_t> tier;  // set: a retry topic
  core::Offset acked;                 // what Kafka has acknowledged, as each batch says
  bool owned = true;
  runtime::Transaction* settles_by = nullptr;  // what transaction() answers
  std::optional<core::Offset> settled_to;
  std::size_t given_back = 0;

  void add(ScriptedRecord record) { records_.push_back(std::move(record)); }
  void add(const std::string& value) { add({std::nullopt, value, {}}); }

  bool poll(core::Batch& out, std::size_t max_records, core::Millis, core::Millis) override {
    out.clear();
    if (position_ >= records_.size()) return false;
    out.where = where_;
    out.assignment = 1;
    out.tier = tier;
    out.mark = with_mark && !tier ? &mark : nullptr;
    out.acked = acked;
    auto storage = std::make_unique<Storage>();
    for (; position_ < records_.size() && out.records.size() < max_records; ++position_) {
      const auto& from = records_[position_];
      core::Record r;
      r.key = from.key ? core::Bytes(*from.key) : core::Bytes();
      r.value = from.value ? core::Bytes(*from.value) : core::Bytes();
      r.topic = where_.topic;
      r.partition = where_.partition;
      r.offset = r.delivered_offset = core::Offset{static_cast<std::int64_t>(position_)};
      r.timestamp = r.delivered_timestamp = core::from_epoch_ms(1'700'000'000'000 + static_cast<std::int64_t>(position_));
      out.records.push_back(r);
      storage->records.push_back(&from);
    }
    out.storage = std::move(storage);
    return true;
  }
  void settled(const core::Batch&, core::Offset next) override { settled_to = next; }
  void give_back(const core::Batch&, core::Offset resume_at, core::SteadyTime) override {
    ++given_back;
    position_ = static_cast<std::size_t>(resume_at.value);
  }
  [[nodiscard]] bool owns(const core::Batch&) const override { return owned; }
  [[nodiscard]] bool draining() const override { return draining_; }
  [[nodiscard]] runtime::Transaction* transaction() override { return settles_by; }
  void drain() { draining_ = true; }

 private:
  struct Storage final : core::BatchStorage {
    std::vector<const ScriptedRecord*> records;
    std::vector<core::HeaderView> headers(std::size_t index) override {
      std::vector<core::HeaderView> out;
      for (const auto& h : records[index]->headers) out.push_back({h.name, h.value ? core::Bytes(*h.value) : core::Bytes()});
      return out;
    }
  };
  const core::TopicPartition where_;
  std::vector<ScriptedRecord> records_;
  std::size_t position_ = 0;
  bool draining_ = false;
};

}  // namespace hostler::testing
