#include "runtime/survey.h"

#include <cstdlib>
#include <utility>

namespace hostler::runtime {
namespace {

using std::chrono::steady_clock;
constexpr core::Millis clock_tolerance{2'000};
constexpr std::chrono::minutes jump_is_news_for{5};

core::Millis since(core::SteadyTime then) { return std::chrono::duration_cast<core::Millis>(steady_clock::now() - then); }

core::Millis wall_minus_steady() {
  const auto wall = std::chrono::floor<core::Millis>(std::chrono::system_clock::now()).time_since_epoch();
  return wall - std::chrono::duration_cast<core::Millis>(steady_clock::now().time_since_epoch());
}

}  // namespace

Survey::Survey(SurveyParts parts) : parts_(std::move(parts)), clusters_(parts_.clusters.size()), ledgers_(parts_.ledgers.size()), asking_since_(parts_.ledgers.size()) {
  for (std::size_t i = 0; i < clusters_.size(); ++i) clusters_[i].name = parts_.clusters[i].name;
  for (std::size_t i = 0; i < ledgers_.size(); ++i) ledgers_[i].name = parts_.ledgers[i].name;
}

Survey::~Survey() { stop(); }

void Survey::start() {
  for (std::size_t i = 0; i < clusters_.size(); ++i) threads_.emplace_back([this, i] { watch_cluster(i); });
  for (std::size_t i = 0; i < ledgers_.size(); ++i) threads_.emplace_back([this, i] { watch_ledger(i); });
  threads_.emplace_back([this] { compare_clocks(); });
}

void Survey::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopping_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

bool Survey::pause(core::Millis time) {
  std::unique_lock lock(mutex_);
  return !stopping_.wait_for(lock, time, [this] { return stop_; });
}

void Survey::watch_cluster(std::size_t index) {
  const auto& cluster = parts_.clusters[index];
  bool well = false;
  do {
    auto seen = cluster.admin->look(cluster.topics ? cluster.topics() : std::vector<std::string>(), parts_.timeout);
    core::ClusterHealth health;
    if (seen) health = std::move(*seen);
    else health.error = std::move(seen.error().message);
    health.name = cluster.name;
    health.asked = true;
    well = health.error.empty();
    const std::lock_guard lock(mutex_);
    clusters_[index] = std::move(health);
  } while (pause(well ? parts_.every_healthy : parts_.every));
}

void Survey::watch_ledger(std::size_t index) {
  bool well = false;
  do {
    const auto began = steady_clock::now();
    {
      const std::lock_guard lock(mutex_);
      asking_since_[index] = began;
    }
    const auto answer = parts_.ledgers[index].ledger->probe();
    const std::lock_guard lock(mutex_);
    asking_since_[index] = {};
    auto& health = ledgers_[index];
    health.asked = true;
    health.latency = since(began);
    health.error = answer ? "" : answer.error().message;
    well = answer.ok();
  } while (pause(well ? parts_.every_healthy : parts_.every));
}

void Survey::compare_clocks() {
  core::Millis before = wall_minus_steady();
  while (pause(parts_.every)) {
    const core::Millis now = wall_minus_steady(), moved = now - before;
    before = now;
    if (std::abs(moved.count()) < clock_tolerance.count()) continue;
    const std::lock_guard lock(mutex_);
    jump_ = moved;
    jumped_ = steady_clock::now();
  }
}

std::vector<core::ClusterHealth> Survey::clusters() const {
  const std::lock_guard lock(mutex_);
  return clusters_;
}

std::vector<core::LedgerHealth> Survey::ledgers() const {
  const std::lock_guard lock(mutex_);
  auto out = ledgers_;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool waits = asking_since_[i] != core::SteadyTime{} && since(asking_since_[i]) > parts_.timeout;
    if (!waits) continue;
    out[i].asked = true;
    out[i].latency = since(asking_since_[i]);
    if (out[i].error.empty()) out[i].error = "the database has not answered for " + std::to_string(out[i].latency.count()) + " ms";
  }
  return out;
}

core::Millis Survey::clock_jump() const {
  const std::lock_guard lock(mutex_);
  return jump_ != core::Millis{0} && steady_clock::now() - jumped_ < jump_is_news_for ? jump_ : core::Millis{0};
}

}  // namespace hostler::runtime
