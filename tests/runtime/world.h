// A pipeline with everything around it in memory: one source, one scripted handler, the memory ledger.
#pragma once

#include <memory>
#include <string>

#include "fakes/fake_publisher.h"
#include "fakes/manual_clock.h"
#include "fakes/memory_ledger.h"
#include "fakes/scripted_lane.h"
#include "fakes/scripted_source.h"
#include "core/topic_names.h"
#include "runtime/pipeline.h"

namespace hostler::testing {

inline core::HandlerConfig user_service() {
  core::HandlerConfig h;
  h.name = "user-service";
  h.group = "user-service-group";
  h.topics = {"user-events"};
  h.event_id = {core::FieldLocator::Kind::json_pointer, "/eventId"};
  h.event_type = {core::FieldLocator::Kind::json_pointer, "/eventType"};
  h.batch.max_records = 100;
  return h;
}

inline std::string event(const std::string& id) { return R"({"eventId":")" + id + R"(","eventType":"user.created"})"; }

struct World {
  explicit World(core::HandlerConfig handler = user_service(), bool queries = false)
      : config(std::move(handler)), owner(ledger), lane(config, config.idempotency == core::Idempotency::off ? nullptr : &ledger, queries) {
    if (config.idempotency != core::Idempotency::off) {
      source.mark = owner.take_over({"user-events", core::Partition{0}}, core::Offset{0}).value();
    } else {
      source.with_mark = false;
    }
    pipeline = std::make_unique<runtime::Pipeline>(parts(source));
  }

  runtime::PipelineParts parts(runtime::Source& from) {
    return {config, from, lane, publisher, clock, observer, config.idempotency == core::Idempotency::off ? nullptr : &owner, event_types};
  }
  // Delivers everything there is; the copies published to tier `tier` come from a retry source afterwards (see retries()).
  void run() {
    while (pipeline->run_once(core::Millis(0))) {
    }
  }
  // Handles what was published to a retry topic so far as a retry consumer would.
  void run_retries(std::uint32_t tier) {
    const auto topic = core::retry_topic(config, "user-events", tier).value();
    ScriptedSource retry({topic, core::Partition{0}});
    retry.tier = tier;
    for (const auto& p : publisher.on(topic)) retry.add({p.key, p.value, as_headers(p)});
    runtime::Pipeline again(parts(retry));
    while (again.run_once(core::Millis(0))) {
    }
  }
  static std::vector<core::OwnedHeader> as_headers(const Published& p) {
    std::vector<core::OwnedHeader> out;
    for (const auto& [name, value] : p.headers) out.push_back({name, value});
    return out;
  }
  [[nodiscard]] std::vector<std::string> effects() const {
    std::vector<std::string> out;
    for (const auto& e : ledger.effects()) out.push_back(e.sql);
    return out;
  }

  struct Owner final : runtime::MarkOwner {
    explicit Owner(MemoryLedger& l) : ledger(l) {}
    runtime::LedgerResult<core::Mark> take_over(const core::TopicPartition& where, core::Offset start) override {
      const runtime::TakeOver one{where, start};
      auto marks = ledger.take_over("user-service", "cluster", std::span(&one, 1));
      if (!marks) return marks.error();
      return marks->front();
    }
    MemoryLedger& ledger;
  };

  core::HandlerConfig config;
  std::vector<std::string> event_types;
  MemoryLedger ledger;
  Owner owner;
  ScriptedLane lane;
  FakePublisher publisher;
  ManualClock clock;
  CountingObserver observer;
  ScriptedSource source{{"user-events", core::Partition{0}}};
  std::unique_ptr<runtime::Pipeline> pipeline;
};

}  // namespace hostler::testing
