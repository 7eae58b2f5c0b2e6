#include "runtime/retention.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/retention.h"
#include "runtime/log.h"

namespace hostler::runtime {
namespace {

using std::chrono::steady_clock;

std::string title(const std::string& name) { return name.empty() ? "[ledger]" : "[ledgers." + name + "]"; }

}  // namespace

Retention::Retention(RetentionParts parts) : parts_(std::move(parts)) {
  for (const auto& handler : parts_.host.handlers) {
    if (!handler.enabled || handler.idempotency == core::Idempotency::off || handler.ledger != parts_.name) continue;
    const auto& ledger = parts_.host.ledger_of(handler);
    rules_.push_back({handler.name, ledger.retention, core::dead_row_retention(handler, ledger)});
  }
}

Retention::~Retention() { stop(); }

void Retention::start() { thread_ = std::thread([this] { run(); }); }

void Retention::ask_to_stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopping_.notify_all();
}

void Retention::stop() {
  ask_to_stop();
  if (thread_.joinable()) thread_.join();
}

bool Retention::pause(core::Millis time) {
  std::unique_lock lock(mutex_);
  return !stopping_.wait_for(lock, time, [this] { return stop_; });
}

void Retention::run() {
  do {
    pass();
  } while (pause(parts_.between_passes));
}

void Retention::pass() {
  std::uint64_t delegated = 0, ids = 0;
  for (std::optional<ExpiryPlace> place = ExpiryPlace{}; place;) {
    const auto began = steady_clock::now();
    const auto step = parts_.ledger.expire(rules_, *place, parts_.rows_per_step);
    if (!step) {
      log_limited(LogLevel::warn, "retention" + parts_.name,
                  "what is older than 'retention' in " + title(parts_.name) + " could not be deleted, the next try is in " +
                      std::to_string(std::chrono::duration_cast<std::chrono::minutes>(parts_.between_passes).count()) + " minutes: " + step.error().message);
      break;
    }
    if (step->rows > 0) parts_.observer.expired(parts_.name, to_text(place->table), step->rows);
    (place->table == ExpiryPlace::Table::delegated ? delegated : ids) += step->rows;
    place = step->elsewhere ? std::nullopt : step->next;
    const auto took = std::chrono::ceil<core::Millis>(steady_clock::now() - began);
    if (place && !pause(std::max(parts_.between_steps, took * 9))) break;
  }
  if (delegated + ids > 0) log_debug("{}: deleted what was older than 'retention': {} event ids, {} rows of dead records", title(parts_.name), ids, delegated);
}

}  // namespace hostler::runtime
