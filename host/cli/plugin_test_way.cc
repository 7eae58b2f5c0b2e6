#include "cli/plugin_test_way.h"

#include <algorithm>
#include <chrono>

#include "plugin/handler.h"
#include "plugin/in_process_lane.h"
#include "runtime/pipeline.h"

namespace hostler::cli {
namespace {

constexpr std::string_view cluster = "hostler-plugin-test";

class Marks final : public runtime::MarkOwner {
 public:
  Marks(runtime::Ledger& ledger, const std::string& service) : ledger_(ledger), service_(service) {}
  runtime::LedgerResult<core::Mark> take_over(const core::TopicPartition& where,
                                              core::Offset start) override {
    const runtime::TakeOver one{where, start};
    auto marks = ledger_.take_over(service_, cluster, std::span(&one, 1));
    if (!marks) return marks.error();
    return marks->front();
  }

 private:
  runtime::Ledger& ledger_;
  const std::string& service_;
};

using Shift = std::map<core::TopicPartition, std::int64_t>;

// Delivers every record once, `shift` further along its partition.
core::Result<WayResult> deliver(const WayParts& parts, const core::HandlerConfig& config,
                                const Shift& shift) {
  WayResult out;
  const auto began = std::chrono::steady_clock::now();
  const auto recorded = parts.ledger == nullptr ? nullptr : record_sql(*parts.ledger, out.sql);
  plugin::HandlerOffer offer;
  offer.ledger = recorded != nullptr;
  if (recorded != nullptr) offer.dialect = recorded->dialect();
  offer.host_version = HOSTLER_VERSION;
  auto handler = plugin::Handler::make(parts.plugin, config, std::move(offer));
  if (!handler) return handler.error();
  auto lane = plugin::InProcessLane::make(**handler, 0, recorded.get());
  if (!lane) return lane.error();

  std::map<core::TopicPartition, core::Mark> marks;
  std::unique_ptr<Marks> owner;
  if (recorded != nullptr) {
    owner = std::make_unique<Marks>(*recorded, config.name);
    for (const TestRecord& record : *parts.records) {
      if (marks.contains(record.where)) continue;
      const auto moved = shift.find(record.where);
      auto mark = owner->take_over(record.where,
                                   core::Offset{record.offset + (moved == shift.end() ? 0 : moved->second)});
      if (!mark) return core::Error{"the ledger does not answer: " + mark.error().message};
      marks[record.where] = *mark;
    }
  }
  TestClock clock;
  TestSource source(*parts.records, owner == nullptr ? nullptr : &marks, clock, shift);
  TestPublisher publisher;
  TestObserver observer;
  runtime::Pipeline pipeline(
      {config, source, **lane, publisher, clock, observer, owner.get(), (*handler)->event_types()});
  while (pipeline.run_once(core::Millis(0))) {}

  if (source.stuck() || observer.settled < parts.records->size())
    out.stuck = observer.paused.empty() ? "not all records were settled" : observer.paused;
  for (const TestRecord& record : *parts.records) {
    const RecordPlace place{record.where, record.offset};
    const auto moved = shift.find(record.where);
    const auto fate =
        observer.fates.find({record.where, record.offset + (moved == shift.end() ? 0 : moved->second)});
    out.fates[place] = fate == observer.fates.end() ? TestFate{} : fate->second;
  }
  out.published = std::move(publisher.published);
  out.took = std::chrono::duration_cast<core::Millis>(std::chrono::steady_clock::now() - began);
  return out;
}

} // namespace

core::Result<WayResult> run_way(const WayParts& parts, const Way& way, WayResult* again) {
  core::HandlerConfig config = parts.handler;
  if (way.max_records != 0) config.batch.max_records = static_cast<std::uint32_t>(way.max_records);
  if (way.cancelled) config.timeout = core::Millis(0);
  auto first = deliver(parts, config, {});
  if (!first || again == nullptr || !first->stuck.empty()) return first;
  Shift shift;
  for (const TestRecord& record : *parts.records)
    shift[record.where] = std::max(shift[record.where], record.offset + 1);
  auto second = deliver(parts, config, shift);
  if (!second) return second.error();
  *again = std::move(*second);
  return first;
}

} // namespace hostler::cli
