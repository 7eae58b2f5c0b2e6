#include "interleave/world.h"

#include <algorithm>

namespace hostler::testing {
namespace {

std::string header_of(const runtime::OutRecord& r, std::string_view name) {
  for (const auto& h : r.headers) {
    if (h.name == name) return h.value.value_or("");
  }
  return "";
}

}  // namespace

LogRecord kept(const runtime::OutRecord& r, core::Timestamp now) {
  LogRecord out;
  out.stamp = now;
  if (!r.key.is_null()) out.key = std::string(r.key.view());
  if (!r.value.is_null()) out.value = std::string(r.value.view());
  for (const auto& h : r.headers) out.headers.push_back({h.name, h.value});
  return out;
}

std::string_view LogRecord::header(std::string_view name) const {
  for (const auto& h : headers) {
    if (h.name == name) return h.value ? std::string_view(*h.value) : std::string_view();
  }
  return {};
}

void World::point(const std::string& what) {
  baton.yield();
  if (trouble(troubles.pause)) {
    const auto wakes = passed + core::Millis(chance.below(5000));
    tell("… PAUSES");
    last_wakes_ = std::max(last_wakes_, wakes);
    baton.wait([this, wakes] { return passed >= wakes || calm; });
  }
  if (!what.empty()) tell(what);
  if (trouble(troubles.crash)) crash();
}

bool World::step() {
  passed += core::Millis(chance.below(100));
  if (baton.step()) return true;
  if (passed >= last_wakes_) return false;
  passed = last_wakes_;  // who can go on waits for who sleeps
  return baton.step();
}

void World::crash() {
  tell("… CRASHES");
  ++crashes;
  if (on_crash) on_crash(baton.name());
  throw Crash();
}

void World::tell(const std::string& what) {
  story_.push_back(baton.name() + ": " + what);
  if (story_.size() > 400) story_.pop_front();
}

void World::complain(const std::string& what) {
  tell("WRONG: " + what);
  if (wrong.empty()) wrong = what;
}

std::string World::story() const {
  std::string out;
  for (const auto& line : story_) out += line + '\n';
  return out;
}

std::vector<runtime::PublishFailure> WorldPublisher::publish(std::span<const runtime::OutRecord> records) {
  std::vector<runtime::PublishFailure> failures;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto& r = records[i];
    const std::string what = r.topic + " (" + header_of(r, core::header::origin_partition) + "/" + header_of(r, core::header::origin_offset) + ", step " +
                             header_of(r, core::header::step) + ")";
    const core::TopicPartition where{r.topic, r.partition.value_or(core::Partition{0})};
    const bool fails = world_.trouble(world_.troubles.publish_fails), arrives_late = fails && world_.chance.in(50);
    if (arrives_late) world_.broker.late.push_back({where, kept(r, world_.now())});  // even if the sender dies now
    world_.point("publishes to " + what + (arrives_late ? " LATE" : fails ? " FAILS" : ""));
    if (fails) {
      failures.push_back({i, runtime::PublishFailure::Kind::unavailable, "injected"});
    } else if (world_.trouble(world_.troubles.publish_too_large)) {
      world_.tell("… too large");
      failures.push_back({i, runtime::PublishFailure::Kind::too_large, "injected"});
    } else {
      world_.broker.logs[where].push_back(kept(r, world_.now()));
    }
  }
  world_.point("has its reports");
  return failures;
}

}  // namespace hostler::testing
