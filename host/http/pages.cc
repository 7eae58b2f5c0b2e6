#include "http/pages.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace hostler::http {
namespace {

using nlohmann::ordered_json;

ordered_json json_of(const core::GroupHealth& g) {
  ordered_json partitions = ordered_json::array();
  for (const auto& p : g.partitions) {
    ordered_json one = {{"topic", p.where.topic}, {"partition", p.where.partition.value}, {"next_offset", p.settled.value}};
    one["lag"] = p.lag ? ordered_json(*p.lag) : ordered_json(nullptr);
    if (p.quiet.count() > 0) one["standing_ms"] = p.quiet.count();
    if (!p.held.empty()) one["held"] = p.held;
    if (p.next_due) one["next_due_ms"] = core::to_epoch_ms(*p.next_due);
    partitions.push_back(std::move(one));
  }
  ordered_json out = {{"group", g.group}, {"joined", g.joined}, {"rebalances", g.rebalances}, {"lag", core::lag_of(g)}};
  if (!g.waiting_for.empty()) out["waiting_for"] = g.waiting_for;
  out["partitions"] = std::move(partitions);
  return out;
}

ordered_json json_of(const core::HandlerHealth& h) {
  ordered_json out = {{"name", h.name}};
  if (!h.failed.empty()) {
    out["failed"] = h.failed;
    return out;
  }
  out["intake"] = h.paused_because.empty() ? "open" : "paused";
  if (!h.paused_because.empty()) out["paused_because"] = h.paused_because;
  out["breaker"] = {{"state", core::to_text(h.breaker.state)}, {"opened", h.breaker.opened}};
  if (!h.breaker.because.empty()) out["breaker"]["because"] = h.breaker.because;
  out["suspects"] = h.suspects;
  out["source"] = json_of(h.source);
  if (h.retry) {
    out["retry"] = json_of(*h.retry);
    const auto next = core::next_due_of(*h.retry);
    out["retry"]["next_due_ms"] = next ? ordered_json(core::to_epoch_ms(*next)) : ordered_json(nullptr);
  }
  if (h.stuck) out["stuck_records"] = *h.stuck;
  if (h.outbox) out["outbox"] = {{"pending", h.outbox->pending}, {"lag_ms", h.outbox->lag.count()}, {"failed", h.outbox->failed}};
  out["lanes"] = ordered_json::array();
  for (const auto& lane : h.lanes) {
    ordered_json one = {{"lane", lane.index}, {"state", lane.ended ? "ended" : lane.handling ? "handling" : !lane.paused_because.empty() ? "paused" : "idle"}};
    if (lane.handling) one["handling_ms"] = lane.handling->count();
    else one["quiet_ms"] = lane.quiet.count();
    out["lanes"].push_back(std::move(one));
  }
  return out;
}

ordered_json json_of(const core::ClusterHealth& c) {
  ordered_json out = {{"name", c.name}, {"up", c.asked && c.error.empty()}, {"latency_ms", c.latency.count()}, {"cluster_id", c.id}, {"controller", c.controller}};
  if (!c.error.empty()) out["error"] = c.error;
  out["brokers"] = ordered_json::array();
  for (const auto& b : c.brokers) {
    ordered_json one = {{"id", b.id}, {"address", b.address}, {"up", b.error.empty()}, {"latency_ms", b.latency.count()}};
    if (!b.error.empty()) one["error"] = b.error;
    out["brokers"].push_back(std::move(one));
  }
  std::int64_t offline = 0, under = 0;
  out["topics"] = ordered_json::array();
  for (const auto& t : c.topics) {
    out["topics"].push_back({{"name", t.name}, {"partitions", t.partitions}, {"offline", t.offline}, {"under_replicated", t.under_replicated}});
    offline += t.offline;
    under += t.under_replicated;
  }
  out["offline_partitions"] = offline;
  out["under_replicated_partitions"] = under;
  return out;
}

std::string problems_text(const core::Assessment& assessment, const char* fine) {
  std::string out = fine;
  for (const auto& p : assessment.problems) out += p.component + ": " + p.what + (p.mend.empty() ? "" : " (" + p.mend + ")") + "\n";
  return out;
}

Response text(bool fine, std::string body) { return {fine ? 200U : 503U, "text/plain; charset=utf-8", std::move(body)}; }

}  // namespace

std::string health_json(const core::HostHealth& health, const core::Assessment& assessment) {
  ordered_json out = {{"name", health.name}, {"live", assessment.live}, {"ready", assessment.ready}};
  out["problems"] = ordered_json::array();
  for (const auto& p : assessment.problems) out["problems"].push_back({{"component", p.component}, {"what", p.what}, {"mend", p.mend}});
  out["handlers"] = ordered_json::array();
  for (const auto& h : health.handlers) out["handlers"].push_back(json_of(h));
  out["clusters"] = ordered_json::array();
  for (const auto& c : health.clusters) out["clusters"].push_back(json_of(c));
  out["ledgers"] = ordered_json::array();
  for (const auto& l : health.ledgers) {
    ordered_json one = {{"name", l.name}, {"up", l.asked && l.error.empty()}, {"latency_ms", l.latency.count()}};
    if (!l.error.empty()) one["error"] = l.error;
    out["ledgers"].push_back(std::move(one));
  }
  out["clock_jump_ms"] = health.clock_jump.count();
  // Names of topics and error texts are strangers' bytes: what is no UTF-8 is replaced, never an exception.
  return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

Respond pages(std::function<core::HostHealth()> report, const Metrics& metrics) {
  return [report = std::move(report), &metrics](std::string_view path) -> Response {
    if (path == "/livez" || path == "/readyz") {
      const auto assessment = core::assess(report());
      const bool live = path == "/livez", fine = live ? assessment.live : assessment.ready;
      return text(fine, problems_text(assessment, fine ? (live ? "live\n" : "ready\n") : (live ? "not live\n" : "not ready\n")));
    }
    if (path == "/health") {
      const auto health = report();
      const auto assessment = core::assess(health);
      return {assessment.live ? 200U : 503U, "application/json", health_json(health, assessment)};
    }
    if (path == "/metrics") return {200, "text/plain; version=0.0.4; charset=utf-8", metrics.text(report())};
    return {404, "text/plain; charset=utf-8", "there is /livez, /readyz, /health and /metrics\n"};
  };
}

}  // namespace hostler::http
