// What a retry worker's ledger is told of the copies that it is asked about: their headers, which the port does not carry.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "mutants/mutants.h"

namespace hostler::testing {

// The copies of the slice that is being settled, by origin, each as the row that would admit it.
class CopiesInHand {
 public:
  void take(const runtime::Slice& slice) {
    rows_.clear();
    if (!slice.batch->is_retry()) return;
    for (const auto& r : slice.records()) {
      rows_.try_emplace(
          place({r.topic, r.topic_id, r.partition, r.offset}),
          runtime::Delegated{
              runtime::RowState::retry, r.step, r.attempt, {}, r.first_seen, std::string(r.event_id)});
    }
  }
  [[nodiscard]] const runtime::Delegated& of(const runtime::OriginKey& origin) const {
    return rows_.at(place(origin));
  }

 private:
  using Place = std::tuple<std::string, std::int32_t, std::int32_t, std::int64_t>;
  static Place place(const runtime::OriginKey& o) {
    return {std::string(o.topic), o.topic_id, o.partition.value, o.offset.value};
  }
  std::map<Place, runtime::Delegated> rows_;
};

// A defect of sessions that know the copies in hand.
template <class Session>
class CopyMutation final : public SessionMutation {
 public:
  CopyMutation()
      : SessionMutation([this](auto real) { return std::make_unique<Session>(std::move(real), copies_); }) {}
  using SessionMutation::of;
  runtime::Lane& of(runtime::Lane& lane) override {
    lane_ = std::make_unique<Lane>(lane, copies_);
    return *lane_;
  }

 private:
  class Lane final : public ForwardLane {
   public:
    Lane(runtime::Lane& real, CopiesInHand& copies) : ForwardLane(real), copies_(copies) {}
    runtime::LedgerStatus begin(const runtime::Slice& slice,
                                std::span<runtime::Admission> admissions) override {
      copies_.take(slice);
      return real().begin(slice, admissions);
    }

   private:
    CopiesInHand& copies_;
  };
  CopiesInHand copies_;
  std::unique_ptr<Lane> lane_;
};

} // namespace hostler::testing
