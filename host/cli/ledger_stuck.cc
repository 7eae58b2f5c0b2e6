// `hostler ledger stuck`: records that wait for a copy that may be lost, and their copies again.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/operated.h"
#include "config/units.h"
#include "kafka/publisher.h"
#include "runtime/reissue.h"

namespace hostler::cli {
namespace {

using nlohmann::ordered_json;
using runtime::StuckRecord;

constexpr std::size_t most_records = 10'000;
constexpr core::Millis look_timeout{10'000};

struct Found {
  StuckRecord record;
  std::string outcome;   // of its reissue; empty: none was asked for
  bool settled = false;  // its copy was published again
};

struct HandlerStuck {
  const core::HandlerConfig* handler;
  std::unique_ptr<Operated> operated;
  std::vector<Found> found;
};

core::Timestamp now() { return std::chrono::floor<core::Millis>(std::chrono::system_clock::now()); }

core::TopicPartition place_of(const StuckRecord& record) { return {record.topic, record.partition}; }

Operation<std::vector<HandlerStuck>> find(const core::HostConfig& config, const LedgerStuckOptions& options) {
  const auto handlers = handlers_named(config, options.handler);
  if (!handlers) return handlers.error();
  std::vector<HandlerStuck> out;
  for (const auto* handler : *handlers) {
    if (handler->idempotency == core::Idempotency::off) continue;
    auto operated = Operated::open(config, *handler);
    if (!operated) return operated.error();
    auto stuck = (*operated)->ledger()->stuck(handler->name, now() - options.older_than, most_records);
    if (!stuck) return ledger_error(stuck.error());
    HandlerStuck one{handler, std::move(*operated), {}};
    for (auto& record : *stuck) one.found.push_back({std::move(record), "", false});
    out.push_back(std::move(one));
  }
  return out;
}

// Publishes the copies of one handler again. Origins are read a partition at a time, one record after the other: there are few of them.
class Reissuer {
 public:
  explicit Reissuer(HandlerStuck& stuck) : stuck_(stuck), operated_(*stuck.operated) {}

  Operation<std::string> run() {
    kafka::PublisherOptions options;
    options.brokers = operated_.kafka_options().brokers;
    options.client_id = operated_.kafka_options().client_id;
    options.properties = operated_.kafka_options().properties;
    kafka::KafkaPublisher publisher(std::move(options));
    if (const auto started = publisher.start(); !started) return CommandError{exit_usage, started.error().message};
    std::size_t done = 0;
    for (auto& found : stuck_.found) {
      if (auto trouble = reissue(publisher, found)) return *trouble;
      done += found.settled ? 1 : 0;
    }
    return std::to_string(done) + " of " + std::to_string(stuck_.found.size()) + " published again";
  }

 private:
  // An error ends the run; what concerns this record alone becomes its outcome.
  std::optional<CommandError> reissue(runtime::Publisher& publisher, Found& found) {
    const auto& record = found.record;
    const auto standing = standing_of(record);
    if (!standing) return standing.error();
    if (const auto why = unread_.find(record.topic); why != unread_.end()) return say(found, "not published: " + why->second);
    if (!(*standing)->memory) return say(found, "its partition is not there any more: the origin is gone");
    if (const auto& refusal = (*standing)->refusal; refusal && refusal->kind != core::Refusal::Kind::reset && refusal->kind != core::Refusal::Kind::gone)
      return say(found, "not published: " + core::text_of(place_of(record), *refusal));
    if ((*standing)->memory->mark.topic_id != record.topic_id) return say(found, "the origin is gone: its topic was re-created since");
    const runtime::LookAt place{place_of(record), record.offset};
    const auto looks = operated_.admin().look_into(std::span(&place, 1), look_timeout);
    if (!looks) return CommandError{exit_unreachable, looks.error().message};
    if (!looks->front().trouble.empty()) return say(found, "not published: " + looks->front().trouble);
    const auto& origin = looks->front().record;
    if (!origin) return say(found, "the origin is gone: there is no record at that offset any more");
    const auto copy = runtime::reissue(operated_.handler(), record, *origin, now());
    if (!copy) return say(found, "not published: " + copy.error().message);
    const auto failures = publisher.publish(std::span(&copy->copy, 1));
    if (!failures.empty()) return say(found, "not published: " + failures.front().message);
    found.settled = true;
    const auto noted = operated_.ledger()->postpone(operated_.handler().name, {record.topic, record.topic_id, record.partition, record.offset}, record.row.step, copy->due);
    return say(found, "published again to " + copy->copy.topic + (noted ? "" : " (the ledger's row keeps its old time: " + noted.error().message + ")"));
  }

  static std::optional<CommandError> say(Found& found, std::string outcome) {
    found.outcome = std::move(outcome);
    return std::nullopt;
  }

  Operation<const PartitionStanding*> standing_of(const StuckRecord& record) {
    auto known = topics_.find(record.topic);
    if (known == topics_.end()) {
      auto partitions = operated_.partitions(record.topic);
      if (!partitions && partitions.error().exit_code == exit_unreachable) return partitions.error();
      if (!partitions) unread_[record.topic] = partitions.error().message;
      known = topics_.emplace(record.topic, partitions ? std::move(*partitions) : std::vector<PartitionStanding>()).first;
    }
    const auto found = std::find_if(known->second.begin(), known->second.end(), [&](const auto& p) { return p.where.partition == record.partition; });
    return found == known->second.end() ? &nowhere_ : &*found;
  }

  HandlerStuck& stuck_;
  Operated& operated_;
  std::map<std::string, std::vector<PartitionStanding>> topics_;
  std::map<std::string, std::string> unread_;  // topics, and why
  const PartitionStanding nowhere_{};
};

void print(const std::vector<HandlerStuck>& all, const std::string& outcome, const LedgerStuckOptions& options) {
  std::vector<std::vector<std::string>> rows;
  ordered_json document = {{"records", ordered_json::array()}, {"outcome", outcome}};
  for (const auto& stuck : all) {
    for (const auto& [record, words, settled] : stuck.found) {
      const auto overdue = std::chrono::floor<std::chrono::seconds>(now() - record.row.due);
      rows.push_back({stuck.handler->name, record.topic, std::to_string(record.partition.value), std::to_string(record.offset.value), std::to_string(record.row.step.value),
                      std::to_string(record.row.attempt.value), core::iso_time(record.row.due), config::show(overdue), record.row.event_id, words});
      ordered_json one = {{"handler", stuck.handler->name}, {"topic", record.topic}, {"generation", record.topic_id}, {"partition", record.partition.value},
                          {"offset", record.offset.value}, {"step", record.row.step.value}, {"attempt", record.row.attempt.value}, {"due", core::iso_time(record.row.due)},
                          {"event_id", record.row.event_id}};
      if (!words.empty()) one["outcome"] = words;
      document["records"].push_back(std::move(one));
    }
  }
  if (options.json) {
    std::puts(document.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
    return;
  }
  if (!rows.empty()) std::fputs(table({"HANDLER", "TOPIC", "PARTITION", "OFFSET", "STEP", "ATTEMPT", "DUE", "OVERDUE", "EVENT ID", ""}, rows).c_str(), stdout);
  std::printf("%s\n", outcome.c_str());
}

}  // namespace

int run_ledger_stuck(const LedgerStuckOptions& options) {
  const auto config = load_or_complain(options.config);
  if (!config) return exit_usage;
  auto all = find(*config, options);
  if (!all) return complain(all.error());
  std::size_t count = 0;
  for (const auto& stuck : *all) count += stuck.found.size();
  if (count == 0) {
    print(*all, "no record waits for a retry that was due more than " + config::show(options.older_than) + " ago", options);
    return exit_fine;
  }
  if (!options.reissue || !options.yes) {
    print(*all, options.reissue ? "nothing was done; --yes publishes their copies again" : amount(count, "record") + "; --reissue publishes their copies again", options);
    return exit_not_fine;
  }
  std::string outcome;
  int code = exit_fine;
  for (auto& stuck : *all) {
    if (stuck.found.empty()) continue;
    const std::string object = "handler " + stuck.handler->name + ": " + amount(stuck.found.size(), "record");
    const auto done = accounted(*config, "ledger stuck --reissue", object, [&] { return Reissuer(stuck).run(); });
    if (!done) code = complain(done.error());
    else outcome += (outcome.empty() ? "" : "; ") + stuck.handler->name + ": " + *done;
    const bool every = std::all_of(stuck.found.begin(), stuck.found.end(), [](const Found& found) { return found.settled; });
    if (!every && code == exit_fine) code = exit_not_fine;
  }
  print(*all, outcome.empty() ? "nothing was published" : outcome, options);
  return code;
}

}  // namespace hostler::cli
