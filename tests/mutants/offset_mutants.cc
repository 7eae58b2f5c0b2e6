// Offsets that are committed to Kafka too early.
#include "mutants/mutants.h"

namespace hostler::testing {
namespace {

// The two last steps change places: commit the offset, then COMMIT.
class OffsetFirstLane final : public ForwardLane {
 public:
  OffsetFirstLane(runtime::Lane& real, runtime::Source& source) : ForwardLane(real), source_(source) {}
  runtime::Fenced fence(const runtime::Slice& slice, std::span<const core::Disposition> dispositions,
                        core::Offset mark_to) override {
    batch_ = slice.batch;
    to_ = mark_to;
    return real().fence(slice, dispositions, mark_to);
  }
  runtime::CommitOutcome commit(runtime::LedgerError* why) override {
    source_.settled(*batch_, to_);
    return real().commit(why);
  }

 private:
  runtime::Source& source_;
  const core::Batch* batch_ = nullptr;
  core::Offset to_;
};

class OffsetBeforeDatabase final : public Mutation {
 public:
  using Mutation::of;
  runtime::Source& of(runtime::Source& source) override {
    source_ = &source;
    return source;
  }
  runtime::Lane& of(runtime::Lane& lane) override {
    lane_ = std::make_unique<OffsetFirstLane>(lane, *source_);
    return *lane_;
  }

 private:
  runtime::Source* source_ = nullptr;
  std::unique_ptr<OffsetFirstLane> lane_;
};

// The offset follows the position of the reader, as a client's automatic commit does.
class PositionSource final : public ForwardSource {
 public:
  using ForwardSource::ForwardSource;
  bool poll(core::Batch& out, std::size_t max_records, core::Millis max_wait, core::Millis wait) override {
    if (!real().poll(out, max_records, max_wait, wait)) return false;
    real().settled(out, out.records.back().delivered_offset.next());
    return true;
  }
};

class OffsetPastRecordInFlight final : public Mutation {
 public:
  using Mutation::of;
  runtime::Source& of(runtime::Source& source) override {
    source_ = std::make_unique<PositionSource>(source);
    return *source_;
  }

 private:
  std::unique_ptr<PositionSource> source_;
};

} // namespace

MutantPtr offset_before_database() { return std::make_unique<OffsetBeforeDatabase>(); }
MutantPtr offset_past_record_in_flight() { return std::make_unique<OffsetPastRecordInFlight>(); }

} // namespace hostler::testing
