#include "http/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "core/disposition.h"
#include "core/headers.h"
#include "http/gauges.h"
#include "runtime/ledger.h"

namespace hostler::http {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;
using prometheus::Labels;

namespace {

// Seconds. A batch on PostgreSQL takes 5 to 50 ms; a handler's default timeout is 30 s.
const Histogram::BucketBoundaries batch_buckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};

constexpr std::size_t most_topics = 1000;

Family<Counter>& counter(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

constexpr std::array outcomes = {core::Outcome::done, core::Outcome::duplicate, core::Outcome::retry, core::Outcome::dead, core::Outcome::drop, core::Outcome::filtered};

}  // namespace

class Metrics::Impl {
 public:
  Impl(const core::HostConfig& config, std::string_view version)
      : started_(std::chrono::system_clock::now()),
        version_(version),
        consumed_(counter(registry_, "kafka_messages_consumed_total", "Records settled, from source and retry topics.")),
        bytes_(counter(registry_, "hostler_consumed_bytes_total", "Bytes of keys and values of settled records.")),
        published_(counter(registry_, "kafka_messages_published_total", "Records that brokers acknowledged: copies, letters, outputs.")),
        letters_(counter(registry_, "kafka_dlq_messages_total", "Records that went to the dead letters, by source topic.")),
        errors_(counter(registry_, "kafka_errors_total", "What went wrong, by kind.")),
        records_(counter(registry_, "hostler_records_total", "Records settled, by what became of them.")),
        outages_(counter(registry_, "hostler_intake_pauses_total", "How often the intake of a handler stopped because of an outage.")),
        expired_(counter(registry_, "hostler_ledger_expired_total", "Rows deleted because they were older than the ledger's retention.")),
        took_(prometheus::BuildHistogram().Name("kafka_processing_duration_seconds").Help("From a batch's delivery to its commit.").Register(registry_)) {
    for (const auto& handler : config.handlers) {
      if (!handler.enabled) continue;
      groups_[handler.name] = handler.group;
      for (const auto outcome : outcomes) records_.Add({{"handler", handler.name}, {"outcome", std::string(core::to_text(outcome))}});
      for (const char* type : {"retriable", "dead-lettered", "outage", "publish"}) error(handler.name, type);
      outages_.Add({{"handler", handler.name}});
      if (handler.idempotency == core::Idempotency::off) continue;
      for (const auto table : {runtime::ExpiryPlace::Table::ids, runtime::ExpiryPlace::Table::delegated}) expired(handler.ledger, runtime::to_text(table));
    }
  }

  // The series of one handler and topic, as delivered.
  struct Topic {
    Counter& consumed;
    Counter& bytes;
    Histogram& took;
    std::array<Counter*, core::outcome_count> outcomes;
  };
  Topic& topic(std::string_view handler, const std::string& topic) {
    const std::scoped_lock lock(mutex_);
    const auto key = std::pair(std::string(handler), topic);
    const auto found = topics_.find(key);
    if (found != topics_.end()) return found->second;
    const Labels labels = labels_of(handler, topic);
    Topic fresh{consumed_.Add(labels), bytes_.Add(labels), took_.Add(labels, batch_buckets), {}};
    for (const auto outcome : outcomes)
      fresh.outcomes[static_cast<std::size_t>(outcome)] = &records_.Add({{"handler", std::string(handler)}, {"outcome", std::string(core::to_text(outcome))}});
    return topics_.emplace(key, fresh).first->second;
  }
  // Topics may be named by strangers' bytes: what Kafka would refuse, and more than a thousand, is counted under one name.
  [[nodiscard]] std::string label_of(const std::string& topic) const {
    const bool legal = !topic.empty() && topic.size() <= 249 && std::all_of(topic.begin(), topic.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-'; });
    const std::scoped_lock lock(names_mutex_);
    if (!legal || (!names_.contains(topic) && names_.size() >= most_topics)) return "other";
    return *names_.insert(topic).first;
  }
  [[nodiscard]] Labels labels_of(std::string_view handler, const std::string& topic) const {
    const auto group = groups_.find(handler);
    return {{"handler", std::string(handler)}, {"group", group == groups_.end() ? std::string() : group->second}, {"topic", label_of(topic)}};
  }
  void letter(std::string_view handler, const std::string& topic) {
    letters_.Add(labels_of(handler, topic)).Increment();
  }
  Counter& error(std::string_view handler, const char* type) { return errors_.Add({{"handler", std::string(handler)}, {"error_type", type}}); }
  Counter& outage(std::string_view handler) { return outages_.Add({{"handler", std::string(handler)}}); }
  Counter& expired(std::string_view ledger, std::string_view table) { return expired_.Add({{"ledger", std::string(ledger)}, {"table", std::string(table)}}); }
  Counter& published(std::string_view handler, std::string_view topic) { return published_.Add(labels_of(handler, std::string(topic))); }

  [[nodiscard]] std::string text(const core::HostHealth& health) const {
    auto families = registry_.Collect();
    for (auto& family : gauges(health, version_, started_)) families.push_back(std::move(family));
    return prometheus::TextSerializer().Serialize(families);
  }

 private:
  const std::chrono::system_clock::time_point started_;
  const std::string version_;
  prometheus::Registry registry_;
  Family<Counter>&consumed_, &bytes_, &published_, &letters_, &errors_, &records_, &outages_, &expired_;
  Family<Histogram>& took_;
  std::map<std::string, std::string, std::less<>> groups_;  // by handler; constant after construction
  mutable std::mutex names_mutex_;
  mutable std::set<std::string> names_;  // guarded by names_mutex_
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Topic> topics_;  // by handler and topic; guarded by mutex_
};

Metrics::Metrics(const core::HostConfig& config, std::string_view version) : impl_(std::make_unique<Impl>(config, version)) {}
Metrics::~Metrics() = default;

void Metrics::batch_settled(std::string_view handler, const core::TopicPartition& where, int /*retry_tier*/, const runtime::SettledCounts& counts, core::Millis took) {
  auto& series = impl_->topic(handler, where.topic);
  std::uint64_t records = 0;
  for (std::size_t i = 0; i < counts.by_outcome.size(); ++i) {
    records += counts.by_outcome[i];
    if (counts.by_outcome[i] != 0) series.outcomes[i]->Increment(static_cast<double>(counts.by_outcome[i]));
  }
  series.consumed.Increment(static_cast<double>(records));
  series.bytes.Increment(static_cast<double>(counts.bytes));
  series.took.Observe(std::chrono::duration<double>(took).count());
}

void Metrics::record_noted(const runtime::RecordNote& note) {
  switch (note.disposition.outcome) {
    case core::Outcome::retry: impl_->error(note.handler, "retriable").Increment(); break;
    case core::Outcome::dead:
      impl_->error(note.handler, "dead-lettered").Increment();
      impl_->letter(note.handler, std::string(note.record->topic));
      break;
    case core::Outcome::done:
    case core::Outcome::duplicate:
    case core::Outcome::drop:
    case core::Outcome::filtered: break;
  }
}

void Metrics::intake(std::string_view handler, std::string_view paused_because) {
  if (paused_because.empty()) return;
  impl_->error(handler, "outage").Increment();
  impl_->outage(handler).Increment();
}

void Metrics::published(std::string_view handler, std::string_view topic, std::uint64_t acknowledged, std::uint64_t failed) {
  impl_->published(handler, topic).Increment(static_cast<double>(acknowledged));
  if (failed != 0) impl_->error(handler, "publish").Increment(static_cast<double>(failed));
}

void Metrics::expired(std::string_view ledger, std::string_view table, std::uint64_t rows) { impl_->expired(ledger, table).Increment(static_cast<double>(rows)); }

std::string Metrics::text(const core::HostHealth& health) const { return impl_->text(health); }

}  // namespace hostler::http
