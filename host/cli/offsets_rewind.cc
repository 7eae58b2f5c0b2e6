// `hostler offsets rewind`.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/operated.h"
#include "kafka/record_reader.h"

namespace hostler::cli {
namespace {

using nlohmann::ordered_json;
using runtime::Rewind;

struct Step {
  PartitionStanding from;
  Rewind rewind;
  runtime::RewindFacts facts;
};

Operation<std::vector<core::Offset>> targets(Operated& operated, const RewindTarget& to, std::span<const PartitionStanding> partitions) {
  std::vector<core::Offset> out;
  if (to.kind == RewindTarget::Kind::time) {
    std::vector<core::TopicPartition> places;
    for (const auto& p : partitions) places.push_back(p.where);
    auto found = kafka::offsets_at(operated.kafka_options(), places, to.time, core::Millis(10'000));
    if (!found) return CommandError{exit_unreachable, found.error().message};
    out = std::move(*found);
  }
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const auto& now = partitions[i].now;
    if (to.kind == RewindTarget::Kind::earliest) out.push_back(now.low);
    if (to.kind == RewindTarget::Kind::latest) out.push_back(now.high);
    if (to.kind == RewindTarget::Kind::offset) out.push_back(to.offset);
    if (out[i] >= now.low && out[i] <= now.high) continue;
    return CommandError{exit_not_fine, text_of(partitions[i].where) + " has offsets " + std::to_string(now.low.value) + " to " + std::to_string(now.high.value) +
                                           "; there is no reading on from " + std::to_string(out[i].value)};
  }
  return out;
}

Operation<std::vector<Step>> plan(Operated& operated, const OffsetsRewindOptions& options) {
  auto all = operated.partitions(options.topic);
  if (!all) return all.error();
  const auto partitions = chosen(std::move(*all), options.partition);
  if (!partitions) return partitions.error();
  const auto to = targets(operated, options.to, *partitions);
  if (!to) return to.error();
  std::vector<Step> steps;
  for (std::size_t i = 0; i < partitions->size(); ++i) {
    const auto& from = (*partitions)[i];
    using Kind = core::Refusal::Kind;
    if (from.refusal && (from.refusal->kind == Kind::another_cluster || from.refusal->kind == Kind::recreated || from.refusal->kind == Kind::unseen))
      return CommandError{exit_not_fine, core::text_of(from.where, *from.refusal)};
    Step step{from, {from.where, (*to)[i], operated.keeps_ids() ? Rewind::Rows::keep : Rewind::Rows::erase, options.forget_ids ? Rewind::Ids::forget : Rewind::Ids::keep}, {}};
    if (operated.ledger() != nullptr) {
      auto facts = operated.ledger()->look(operated.handler().name, step.rewind);
      if (!facts) return ledger_error(facts.error());
      step.facts = *facts;
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

std::string words_of(const Operated& operated, const Step& step) {
  const std::int64_t to = step.rewind.to.value;
  const auto from = step.from.next();
  std::string out = text_of(step.from.where) + ": from " + (from ? std::to_string(from->value) : "nowhere") + " to " + std::to_string(to);
  if (from && from->value > to) out += ": " + amount(static_cast<std::uint64_t>(from->value - to), "offset") + " to be read again";
  if (from && from->value < to) out += ": " + amount(static_cast<std::uint64_t>(to - from->value), "offset") + " to be skipped";
  if (operated.handler().idempotency == core::Idempotency::off) return out;
  if (operated.keeps_ids()) {
    const bool forget = step.rewind.ids == Rewind::Ids::forget;
    if (forget) out += "; " + amount(step.facts.done_ids, "settled id") + " from there on to be forgotten, their records handled again";
    out += "; " + amount(step.facts.ids - (forget ? step.facts.done_ids : 0), "remembered id") + " from there on: as many duplicates";
    if (!forget && step.facts.done_ids > 0) out += " (--forget-ids would forget " + std::to_string(step.facts.done_ids) + " settled ones)";
  } else if (step.facts.delegated > 0) {
    out += "; " + amount(step.facts.delegated, "record") + " on the way through retries, or dead, to begin anew";
  }
  return out;
}

Operation<std::string> carry_out(Operated& operated, std::span<const Step> steps) {
  std::map<core::TopicPartition, core::Offset> offsets;
  for (const Step& step : steps) {
    if (operated.ledger() != nullptr) {
      const auto done = operated.ledger()->rewind(operated.handler().name, step.rewind);
      if (!done) {
        auto error = ledger_error(done.error());
        error.message += " (" + amount(offsets.size(), "partition") + " of " + std::to_string(steps.size()) + " were moved)";
        return error;
      }
    }
    offsets[step.from.where] = step.rewind.to;
  }
  if (operated.ledger() != nullptr) return operated.follow(offsets);
  const auto committed = operated.commit(offsets);
  if (!committed) return committed.error();
  if (committed->done) return committed->words;
  return CommandError{exit_not_fine, "group " + operated.handler().group + " has members, and without a ledger Kafka's offset is all there is: stop the host first"};
}

void print(const Operated& operated, std::span<const Step> steps, const std::string& outcome, const OffsetsRewindOptions& options) {
  if (!options.json) {
    for (const Step& step : steps) std::printf("%s\n", words_of(operated, step).c_str());
    std::printf("%s\n", outcome.c_str());
    return;
  }
  ordered_json document = {{"handler", operated.handler().name}, {"done", options.yes}, {"outcome", outcome}, {"partitions", ordered_json::array()}};
  for (const Step& step : steps) {
    const auto from = step.from.next();
    document["partitions"].push_back({{"topic", step.from.where.topic}, {"partition", step.from.where.partition.value}, {"from", from ? ordered_json(from->value) : ordered_json(nullptr)},
                                      {"to", step.rewind.to.value}, {"remembered_ids", step.facts.ids}, {"settled_ids", step.facts.done_ids}, {"delegated", step.facts.delegated}});
  }
  std::puts(document.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
}

}  // namespace

int run_offsets_rewind(const OffsetsRewindOptions& options) {
  const auto config = load_or_complain(options.config);
  if (!config) return exit_usage;
  const auto handlers = handlers_named(*config, options.handler);
  if (!handlers) return complain(handlers.error());
  auto operated = Operated::open(*config, *handlers->front());
  if (!operated) return complain(operated.error());
  if (options.forget_ids && !(*operated)->keeps_ids()) return complain({exit_usage, "handler " + options.handler + " remembers no event ids: --forget-ids has nothing to forget"});
  const auto steps = plan(**operated, options);
  if (!steps) return complain(steps.error());
  if (!options.yes) {
    print(**operated, *steps, "nothing was done; --yes does it", options);
    return exit_fine;
  }
  std::string object = "handler " + options.handler + ":";
  for (const Step& step : *steps) object += " " + text_of(step.from.where) + " to " + std::to_string(step.rewind.to.value);
  if (options.forget_ids) object += ", ids forgotten";
  const auto done = accounted(*config, "offsets rewind", object, [&] { return carry_out(**operated, *steps); });
  if (!done) return complain(done.error());
  print(**operated, *steps, *done, options);
  return exit_fine;
}

}  // namespace hostler::cli
