// `hostler offsets adopt`: what was refused is accepted as it is now.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/operated.h"

namespace hostler::cli {
namespace {

using nlohmann::ordered_json;
using Kind = core::Refusal::Kind;

// Either new marks for the whole topic, or marks of single partitions that follow Kafka's committed offset.
struct Plan {
  bool new_generation = false;
  std::vector<PartitionStanding> partitions;
  std::map<core::TopicPartition, core::Offset> starts;
};

bool is_another_topic(const PartitionStanding& p) { return p.refusal && (p.refusal->kind == Kind::another_cluster || p.refusal->kind == Kind::recreated); }

// Where a topic that is new to the ledger begins: where the group's offset says, if that can be, else as for a new group.
core::Offset first_start(const core::HandlerConfig& handler, const core::PartitionNow& now) {
  if (now.committed && *now.committed >= now.low && *now.committed <= now.high) return *now.committed;
  return handler.start == core::Start::latest ? now.high : now.low;
}

Operation<Plan> plan(Operated& operated, const OffsetsAdoptOptions& options) {
  if (operated.ledger() == nullptr) return CommandError{exit_usage, "handler " + options.handler + " has no ledger: Kafka's offsets alone decide, nothing is ever refused"};
  auto all = operated.partitions(options.topic);
  if (!all) return all.error();
  Plan out;
  const auto unseen = std::find_if(all->begin(), all->end(), [](const auto& p) { return p.refusal && p.refusal->kind == Kind::unseen; });
  if (unseen != all->end()) return CommandError{exit_unreachable, core::text_of(unseen->where, *unseen->refusal)};
  if (std::any_of(all->begin(), all->end(), is_another_topic)) {
    if (options.partition) return CommandError{exit_usage, "topic " + options.topic + " is another one than the ledger's: it is adopted whole, with --partition all"};
    out.new_generation = true;
    for (const auto& p : *all) out.starts[p.where] = first_start(operated.handler(), p.now);
    out.partitions = std::move(*all);
    return out;
  }
  const auto asked = chosen(std::move(*all), options.partition);
  if (!asked) return asked.error();
  for (const auto& p : *asked) {
    if (!p.refusal) continue;
    if (p.refusal->kind == Kind::gone) return CommandError{exit_not_fine, core::text_of(p.where, *p.refusal)};
    if (*p.now.committed < p.now.low || *p.now.committed > p.now.high)
      return CommandError{exit_not_fine, text_of(p.where) + " has offsets " + std::to_string(p.now.low.value) + " to " + std::to_string(p.now.high.value) +
                                             ", and the group's committed offset is " + std::to_string(p.now.committed->value) + "; use `hostler offsets rewind`"};
    out.starts[p.where] = *p.now.committed;
    out.partitions.push_back(p);
  }
  return out;
}

Operation<std::string> carry_out(Operated& operated, const Plan& plan) {
  const std::string& service = operated.handler().name;
  if (plan.new_generation) {
    runtime::Adoption adoption{plan.partitions.front().where.topic, plan.partitions.front().now.cluster_id, {}};
    for (const auto& p : plan.partitions) {
      if (adoption.cluster_id.empty()) adoption.cluster_id = p.now.cluster_id;  // known where the ledger knew the partition
      adoption.starts.push_back({p.where.partition, plan.starts.at(p.where)});
    }
    const auto generation = operated.ledger()->adopt(service, adoption);
    if (!generation) return ledger_error(generation.error());
  }
  for (const auto& [where, start] : plan.starts) {
    if (plan.new_generation) break;
    using runtime::Rewind;
    const auto moved = operated.ledger()->rewind(service, {where, start, operated.keeps_ids() ? Rewind::Rows::keep : Rewind::Rows::erase, Rewind::Ids::keep});
    if (!moved) return ledger_error(moved.error());
  }
  return operated.follow(plan.starts);
}

void print(const Plan& plan, const std::string& outcome, const OffsetsAdoptOptions& options) {
  if (options.json) {
    ordered_json document = {{"handler", options.handler}, {"topic", options.topic}, {"done", options.yes}, {"outcome", outcome},
                             {"new_generation", plan.new_generation}, {"partitions", ordered_json::array()}};
    for (const auto& p : plan.partitions) document["partitions"].push_back({{"partition", p.where.partition.value}, {"start", plan.starts.at(p.where).value}});
    std::puts(document.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
    return;
  }
  for (const auto& p : plan.partitions) {
    const auto old = p.memory ? "mark " + std::to_string(p.memory->mark.next.value) : std::string("no mark");
    std::printf("%s: %s, %s at %lld\n", text_of(p.where).c_str(), old.c_str(), plan.new_generation ? "a new one" : "to be", static_cast<long long>(plan.starts.at(p.where).value));
  }
  std::printf("%s\n", outcome.c_str());
}

}  // namespace

int run_offsets_adopt(const OffsetsAdoptOptions& options) {
  const auto config = load_or_complain(options.config);
  if (!config) return exit_usage;
  const auto handlers = handlers_named(*config, options.handler);
  if (!handlers) return complain(handlers.error());
  auto operated = Operated::open(*config, *handlers->front());
  if (!operated) return complain(operated.error());
  const auto wanted = plan(**operated, options);
  if (!wanted) return complain(wanted.error());
  if (wanted->partitions.empty()) {
    print(*wanted, "nothing to adopt: no partition asked for is refused", options);
    return exit_fine;
  }
  if (!options.yes) {
    print(*wanted, "nothing was done; --yes does it", options);
    return exit_fine;
  }
  std::string object = "handler " + options.handler + ": " + options.topic + (wanted->new_generation ? ", a new generation:" : ":");
  for (const auto& [where, start] : wanted->starts) object += " " + std::to_string(where.partition.value) + " at " + std::to_string(start.value);
  const auto done = accounted(*config, "offsets adopt", object, [&] { return carry_out(**operated, *wanted); });
  if (!done) return complain(done.error());
  print(*wanted, *done, options);
  return exit_fine;
}

}  // namespace hostler::cli
