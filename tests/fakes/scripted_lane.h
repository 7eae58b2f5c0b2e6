// A lane whose handler is a function of the test, on the real settlement. One thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/lane.h"
#include "runtime/settlement.h"

namespace hostler::testing {

// What a scripted handler may do for one record.
class HandlerCall {
 public:
  explicit HandlerCall(std::size_t record) : record_(record) {}
  core::VerdictDetail detail;
  std::vector<std::string> statements;
  std::vector<std::string> outputs;  // published to topic "out"
  bool queried = false, wrote_by_query = false;
  runtime::LedgerSession* session = nullptr;   // for queries; null unless the lane was made for a handler that queries
  std::optional<runtime::LedgerError> broken;  // a query's error: the session is of no use any more
  [[nodiscard]] std::size_t record() const { return record_; }

 private:
  std::size_t record_;
};

class ScriptedLane final : public runtime::Lane {
 public:
  using Handler = std::function<core::Verdict(const core::Record&, HandlerCall&)>;
  ScriptedLane(const core::HandlerConfig& config, runtime::Ledger* ledger, bool queries = false) : settlement_(config, ledger, queries) {}

  Handler handler = [](const core::Record&, HandlerCall&) { return core::Verdict::done; };
  // Asked per call; an answer fails the whole batch.
  std::function<std::optional<runtime::ExecuteFailure>(const std::vector<const core::Record*>&)> fail_batch;
  std::function<void()> on_fence;         // what happens before a fence
  std::vector<std::string> handled;       // values, in order, each time they were handled
  std::vector<std::size_t> call_sizes;

  runtime::LedgerStatus begin(const runtime::Slice& slice, std::span<runtime::Admission> admissions) override { return settlement_.begin(slice, admissions); }

  core::Result<runtime::Verdicts, runtime::ExecuteFailure> execute(const runtime::Slice& slice, std::span<const std::uint8_t> run) override {
    statements_.clear();
    texts_.clear();
    outputs_.clear();
    runtime::Verdicts out;
    out.verdicts.assign(slice.count, core::Verdict::unset);
    const auto records = slice.records();
    std::vector<const core::Record*> running;
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (run[i] != 0) running.push_back(&records[i]);
    }
    if (running.empty()) return out;
    call_sizes.push_back(running.size());
    for (const auto* r : running) handled.emplace_back(r->value.view());
    if (fail_batch) {
      if (auto failure = fail_batch(running)) return std::move(*failure);
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (run[i] == 0) continue;
      HandlerCall call(i);
      call.session = settlement_.session();
      out.verdicts[i] = handler(records[i], call);
      if (call.broken) {
        runtime::ExecuteFailure failure;
        failure.kind = runtime::ExecuteFailure::Kind::ledger;
        failure.error = *call.broken;
        failure.record = i;
        return failure;
      }
      if (!call.detail.reason.empty()) out.details[i] = call.detail;
      for (auto& sql : call.statements) {
        texts_.push_back(std::make_unique<std::string>(std::move(sql)));
        statements_.push_back({i, {*texts_.back(), {}}});
      }
      for (auto& text : call.outputs) outputs_.push_back({i, std::make_unique<std::string>(std::move(text))});
      out.queried |= call.queried;
      out.wrote_by_query |= call.wrote_by_query;
    }
    return out;
  }

  void take_outputs(const runtime::Slice&, std::span<const core::Disposition> dispositions, std::vector<runtime::OutRecord>& out) override {
    for (const auto& [record, text] : outputs_) {
      if (dispositions[record].outcome != core::Outcome::done) continue;
      runtime::OutRecord message;
      message.topic = "out";
      message.value = core::Bytes(*text);
      out.push_back(std::move(message));
    }
  }

  runtime::Fenced fence(const runtime::Slice& slice, std::span<const core::Disposition> dispositions, core::Offset mark_to) override {
    if (on_fence) on_fence();
    return settlement_.fence(slice, dispositions, mark_to, statements_);
  }
  runtime::CommitOutcome commit(runtime::LedgerError* why) override { return settlement_.commit(why); }
  void rollback() override { settlement_.rollback(); }

 private:
  runtime::Settlement settlement_;
  std::vector<runtime::EnqueuedStatement> statements_;
  std::vector<std::unique_ptr<std::string>> texts_;
  std::vector<std::pair<std::size_t, std::unique_ptr<std::string>>> outputs_;
};

}  // namespace hostler::testing
