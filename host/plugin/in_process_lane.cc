#include "plugin/in_process_lane.h"

#include <algorithm>
#include <utility>

#include "runtime/failpoint.h"
#include "runtime/log.h"

namespace hostler::plugin {

using core::Verdict;
using runtime::ExecuteFailure;

namespace {

hostler_bytes to_bytes(const core::Bytes& b) { return {reinterpret_cast<const std::uint8_t*>(b.data), b.size}; }

ExecuteFailure handler_failure(std::string message, std::int32_t code = 0) {
  ExecuteFailure failure;
  failure.detail.code = code;
  failure.detail.reason = std::move(message);
  return failure;
}

}  // namespace

core::Result<std::unique_ptr<runtime::Lane>> InProcessLane::make(Handler& handler, std::uint32_t index, runtime::Ledger* ledger, runtime::LaneProgress* progress) {
  auto lane = handler.create_lane(index);
  if (!lane) return lane.error();
  return std::unique_ptr<runtime::Lane>(new InProcessLane(handler, lane.value(), ledger, progress));
}

InProcessLane::InProcessLane(Handler& handler, hostler_lane* lane, runtime::Ledger* ledger, runtime::LaneProgress* progress)
    : handler_(handler), lane_(lane), settlement_(handler.config(), ledger, ledger != nullptr && handler.has(HOSTLER_HANDLER_QUERIES)) {
  call_.progress = progress;
  if (ledger != nullptr && handler.config().publish == core::Publish::outbox) outbox_.emplace(handler.config().name, ledger->dialect());
}

InProcessLane::~InProcessLane() {
  settlement_.rollback();
  lane_->destroy(lane_);
}

runtime::LedgerStatus InProcessLane::begin(const runtime::Slice& slice, std::span<runtime::Admission> admissions) {
  return settlement_.begin(slice, admissions);
}

core::Result<runtime::Verdicts, ExecuteFailure> InProcessLane::execute(const runtime::Slice& slice, std::span<const std::uint8_t> run) {
  call_.reset();
  call_.slice = slice;
  call_.session = settlement_.session();
  fill_records(slice, run);
  verdicts_.assign(records_.size(), HOSTLER_UNSET);
  if (records_.empty()) return read_verdicts(slice);

  hostler_batch batch{};
  batch.struct_size = sizeof(hostler_batch);
  batch.record_stride = sizeof(hostler_record);
  batch.records = records_.data();
  batch.verdicts = verdicts_.data();
  batch.host_batch = &call_;
  batch.delivery_topic = to_border(slice.batch->where.topic);
  batch.delivery_partition = slice.batch->where.partition.value;
  batch.record_count = static_cast<std::uint32_t>(records_.size());

  hostler_error error = empty_error();
  call_.deadline = std::chrono::steady_clock::now() + handler_.config().timeout;
  call_.running = true;
  static_cast<void>(runtime::failpoint("handle"));
  const hostler_status status = lane_->process_batch(lane_, &batch, &error);
  call_.running = false;
  if (runtime::failpoint("handled")) return handler_failure("failed on purpose", 0);

  if (call_.broken) {
    ExecuteFailure failure;
    failure.kind = ExecuteFailure::Kind::ledger;
    failure.error = call_.broken->error;
    failure.record = call_.broken->record;
    return failure;
  }
  if (status != HOSTLER_OK) {
    auto failure = handler_failure(message_of(error), error.code);
    if (status == HOSTLER_E_UNAVAILABLE) failure.kind = ExecuteFailure::Kind::unavailable;
    return failure;
  }
  if (call_.queried) {
    const auto same = call_.session->same_transaction();
    if (!same) {
      ExecuteFailure failure;
      failure.kind = ExecuteFailure::Kind::ledger;
      failure.error = same.error();
      return failure;
    }
    if (!same.value()) return handler_failure("a statement of the handler ended or changed the host's transaction");
  }
  return read_verdicts(slice);
}

void InProcessLane::fill_records(const runtime::Slice& slice, std::span<const std::uint8_t> run) {
  const auto from = slice.records();
  records_.clear();
  call_.records.clear();
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (run[i] == 0) continue;
    const auto& r = from[i];
    call_.records.push_back(i);
    records_.push_back({to_bytes(r.key), to_bytes(r.value), to_border(r.topic), r.offset.value, core::to_epoch_ms(r.timestamp), core::to_epoch_ms(r.first_seen),
                        r.partition.value, static_cast<std::int32_t>(r.timestamp_type), r.leader_epoch, r.attempt.value, to_border(r.event_id),
                        to_border(r.event_type)});
  }
}

core::Result<runtime::Verdicts, ExecuteFailure> InProcessLane::read_verdicts(const runtime::Slice& slice) {
  runtime::Verdicts out;
  out.verdicts.assign(slice.count, Verdict::unset);
  out.details = std::move(call_.details);
  out.queried = call_.queried;
  out.wrote_by_query = call_.wrote_by_query;
  for (std::size_t i = 0; i < verdicts_.size(); ++i) {
    const std::size_t record = call_.records[i];
    const std::uint8_t verdict = verdicts_[i];
    if (verdict == HOSTLER_UNSET || verdict > HOSTLER_DROP) {  // a contract error: retried, and said so
      auto& detail = out.details[record];
      detail.reason = verdict == HOSTLER_UNSET ? "the handler left the record without a verdict" : "the handler gave the unknown verdict " + std::to_string(verdict);
      runtime::log_limited(runtime::LogLevel::error, "verdict:" + handler_.config().name, "handler " + handler_.config().name + ": " + detail.reason);
      out.verdicts[record] = Verdict::retry;
      continue;
    }
    out.verdicts[record] = static_cast<Verdict>(verdict);
  }
  for (const auto& [record, why] : call_.refused) {  // what was refused is missing from its effects: it cannot be done
    auto& reason = out.details[record].reason;
    if (out.verdicts[record] != Verdict::done) {  // the handler has seen a status: what it says of it, and why
      reason = reason.empty() ? why : reason + " (" + why + ")";
      continue;
    }
    out.verdicts[record] = Verdict::reject;
    reason = why;
  }
  return out;
}

void InProcessLane::take_outputs(const runtime::Slice& /*slice*/, std::span<const core::Disposition> dispositions, std::vector<runtime::OutRecord>& out) {
  if (outbox_) return;
  for (const auto& kept : call_.messages) {
    if (dispositions[kept.record].outcome == core::Outcome::done) out.push_back(kept.message);
  }
}

runtime::Fenced InProcessLane::fence(const runtime::Slice& slice, std::span<const core::Disposition> dispositions, core::Offset mark_to) {
  if (!outbox_ || call_.messages.empty()) return settlement_.fence(slice, dispositions, mark_to, call_.statements);
  outbox_->begin(slice, call_.statements);
  for (const auto& kept : call_.messages)
    if (dispositions[kept.record].outcome == core::Outcome::done) outbox_->add(kept.record, kept.message);
  return settlement_.fence(slice, dispositions, mark_to, outbox_->finish());
}

runtime::CommitOutcome InProcessLane::commit(runtime::LedgerError* why) { return settlement_.commit(why); }
void InProcessLane::rollback() { settlement_.rollback(); }

}  // namespace hostler::plugin
