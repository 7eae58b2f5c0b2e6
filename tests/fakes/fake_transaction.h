// Transactions in memory: what is committed is seen, what is aborted never was. Faults on demand, each used up by the call it hits.
// One thread.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fakes/fake_publisher.h"
#include "runtime/transaction.h"

namespace hostler::testing {

class FakeTransaction final : public runtime::Transaction {
 public:
  using Kind = Beginning::Kind;

  std::deque<Beginning> beginnings;                 // answers that are not "begun"
  std::deque<std::string> refused_offsets;          // why
  std::deque<runtime::CommitOutcome> commits;       // failed, or unknown: what of it has happened says `happens`
  bool happens = true;                              // an unknown commit
  std::function<std::optional<runtime::PublishFailure::Kind>(const runtime::OutRecord&)> fail;

  std::vector<Published> seen;                      // by readers of committed records
  std::vector<std::int64_t> offsets;                // each that was committed
  std::size_t begun = 0, aborted = 0, open = 0;

  Beginning begin(const core::Batch&, core::Offset next) override {
    if (!beginnings.empty()) {
      auto answer = std::move(beginnings.front());
      beginnings.pop_front();
      return answer;
    }
    if (!offsets.empty() && offsets.back() == next.value) return {Kind::settled, next, ""};
    ++begun;
    ++open;
    next_ = next;
    sent_ = false;
    publisher_.delivered.clear();
    return {};
  }
  std::vector<runtime::PublishFailure> publish(std::span<const runtime::OutRecord> records) override {
    publisher_.fail = fail;
    return publisher_.publish(records);
  }
  core::Status<> send_offset() override {
    if (!refused_offsets.empty()) {
      core::Error error{refused_offsets.front()};
      refused_offsets.pop_front();
      return error;
    }
    sent_ = true;
    return core::Status<>::success();
  }
  runtime::CommitOutcome commit(std::string* why) override {
    using Outcome = runtime::CommitOutcome;
    Outcome outcome = Outcome::committed;
    if (!commits.empty()) {
      outcome = commits.front();
      commits.pop_front();
      *why = "injected";
    }
    if (outcome == Outcome::failed) return outcome;
    --open;
    if (outcome == Outcome::unknown && !happens) return outcome;
    if (sent_) offsets.push_back(next_.value);
    seen.insert(seen.end(), publisher_.delivered.begin(), publisher_.delivered.end());
    return outcome;
  }
  void abort() override {
    ++aborted;
    --open;
  }
  [[nodiscard]] std::vector<std::string> values(const std::string& topic) const {
    std::vector<std::string> out;
    for (const auto& p : seen)
      if (p.topic == topic) out.push_back(p.value.value_or("null"));
    return out;
  }

 private:
  FakePublisher publisher_;
  core::Offset next_;
  bool sent_ = false;
};

}  // namespace hostler::testing
