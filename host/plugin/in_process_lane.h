// A lane whose handler runs in this process: the plugin's hostler_lane beside a settlement. One thread: the lane's.
#pragma once

#include <hostler/plugin.h>

#include <memory>
#include <optional>
#include <vector>

#include "plugin/call.h"
#include "plugin/handler.h"
#include "runtime/lane.h"
#include "runtime/outbox.h"
#include "runtime/progress.h"
#include "runtime/settlement.h"

namespace hostler::plugin {

class InProcessLane final : public runtime::Lane {
 public:
  // Creates the plugin's lane on the calling thread; it is destroyed with this object, on the same thread. `ledger` and `progress` (told where the
  // handler waits for the database) may be null.
  [[nodiscard]] static core::Result<std::unique_ptr<runtime::Lane>> make(Handler& handler, std::uint32_t index, runtime::Ledger* ledger,
                                                                         runtime::LaneProgress* progress = nullptr);
  ~InProcessLane() override;

  runtime::LedgerStatus begin(const runtime::Slice& slice, std::span<runtime::Admission> admissions) override;
  core::Result<runtime::Verdicts, runtime::ExecuteFailure> execute(const runtime::Slice& slice, std::span<const std::uint8_t> run) override;
  void take_outputs(const runtime::Slice& slice, std::span<const core::Disposition> dispositions, std::vector<runtime::OutRecord>& out) override;
  runtime::Fenced fence(const runtime::Slice& slice, std::span<const core::Disposition> dispositions, core::Offset mark_to) override;
  runtime::CommitOutcome commit(runtime::LedgerError* why) override;
  void rollback() override;

 private:
  InProcessLane(Handler& handler, hostler_lane* lane, runtime::Ledger* ledger, runtime::LaneProgress* progress);
  void fill_records(const runtime::Slice& slice, std::span<const std::uint8_t> run);
  core::Result<runtime::Verdicts, runtime::ExecuteFailure> read_verdicts(const runtime::Slice& slice);

  Handler& handler_;
  hostler_lane* lane_;
  runtime::Settlement settlement_;
  std::optional<runtime::OutboxWriter> outbox_;  // publish = "outbox"
  Call call_;
  std::vector<hostler_record> records_;
  std::vector<std::uint8_t> verdicts_;
};

}  // namespace hostler::plugin
