// `hostler offsets show`: changes nothing.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/operated.h"

namespace hostler::cli {
namespace {

using nlohmann::ordered_json;

std::string cell(std::optional<core::Offset> offset) { return offset ? std::to_string(offset->value) : "-"; }

ordered_json json_of(std::optional<core::Offset> offset) { return offset ? ordered_json(offset->value) : ordered_json(nullptr); }

std::int64_t lag_of(const PartitionStanding& p) { return std::max<std::int64_t>(0, p.now.high.value - p.next().value_or(p.now.low).value); }

std::optional<core::Offset> mark_of(const PartitionStanding& p) { return p.memory ? std::optional(p.memory->mark.next) : std::nullopt; }
std::optional<core::Offset> acked_of(const PartitionStanding& p) { return p.memory ? p.memory->acked : std::nullopt; }

std::string verdict_of(const PartitionStanding& p) {
  if (p.refusal) return std::string(core::to_text(p.refusal->kind));
  return p.next() ? "fine" : "not read yet";
}

ordered_json json_of(const PartitionStanding& p) {
  ordered_json out = {{"topic", p.where.topic}, {"partition", p.where.partition.value}, {"low", p.now.low.value}, {"high", p.now.high.value},
                      {"committed", json_of(p.now.committed)}, {"acked", json_of(acked_of(p))}, {"mark", json_of(mark_of(p))}};
  out["epoch"] = p.memory ? ordered_json(p.memory->mark.epoch) : ordered_json(nullptr);
  out["generation"] = p.memory ? ordered_json(p.memory->mark.topic_id) : ordered_json(nullptr);
  out["lag"] = lag_of(p);
  out["verdict"] = verdict_of(p);
  if (p.refusal) out["refused"] = {{"what", p.refusal->what}, {"mend", p.refusal->mend}};
  return out;
}

std::vector<std::string> row_of(const std::string& handler, const PartitionStanding& p) {
  return {handler,
          p.where.topic,
          std::to_string(p.where.partition.value),
          cell(p.now.low),
          cell(p.now.high),
          cell(p.now.committed),
          cell(acked_of(p)),
          cell(mark_of(p)),
          p.memory ? std::to_string(p.memory->mark.epoch) : "-",
          std::to_string(lag_of(p)),
          verdict_of(p)};
}

}  // namespace

int run_offsets_show(const OffsetsShowOptions& options) {
  const auto config = load_or_complain(options.config);
  if (!config) return exit_usage;
  const auto handlers = handlers_named(*config, options.handler);
  if (!handlers) return complain(handlers.error());
  std::vector<std::vector<std::string>> rows;
  std::string held;
  ordered_json document = {{"fine", true}, {"handlers", ordered_json::array()}};
  int code = exit_fine;
  for (const auto* handler : *handlers) {
    auto operated = Operated::open(*config, *handler);
    if (!operated) return complain(operated.error());
    const auto partitions = (*operated)->partitions();
    if (!partitions) return complain(partitions.error());
    ordered_json one = {{"name", handler->name}, {"group", handler->group}, {"partitions", ordered_json::array()}};
    for (const auto& p : *partitions) {
      rows.push_back(row_of(handler->name, p));
      one["partitions"].push_back(json_of(p));
      if (!p.refusal) continue;
      held += core::text_of(p.where, *p.refusal) + "\n";
      code = exit_not_fine;
    }
    document["handlers"].push_back(std::move(one));
  }
  document["fine"] = code == exit_fine;
  if (options.json) std::puts(document.dump(2, ' ', false, ordered_json::error_handler_t::replace).c_str());
  else std::printf("%s%s", table({"HANDLER", "TOPIC", "PARTITION", "LOW", "HIGH", "COMMITTED", "ACKED", "MARK", "EPOCH", "LAG", "VERDICT"}, rows).c_str(), held.c_str());
  return code;
}

}  // namespace hostler::cli
