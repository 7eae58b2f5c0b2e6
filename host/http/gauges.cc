#include "http/gauges.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <unistd.h>
#include <utility>

namespace hostler::http {
namespace {

using Label = prometheus::ClientMetric::Label;
using Labels = std::vector<Label>;

class Gauge {
 public:
  Gauge(const char* name, const char* help, prometheus::MetricType type = prometheus::MetricType::Gauge) {
    family_.name = name;
    family_.help = help;
    family_.type = type;
  }
  void add(Labels labels, double value) {
    prometheus::ClientMetric metric;
    metric.label = std::move(labels);
    if (family_.type == prometheus::MetricType::Counter) metric.counter.value = value;
    else metric.gauge.value = value;
    family_.metric.push_back(std::move(metric));
  }
  prometheus::MetricFamily take() { return std::move(family_); }

 private:
  prometheus::MetricFamily family_;
};

double number(bool yes) { return yes ? 1 : 0; }
double seconds(core::Millis t) { return std::chrono::duration<double>(t).count(); }

// Bytes in memory, from /proc; 0 if it cannot be read.
double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  long long pages = 0, resident = 0;
  return file >> pages >> resident ? static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) : 0;
}

double cpu_seconds() {
  std::array<long long, 2> ticks{};
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const auto after_name = line.rfind(") ");
  if (after_name == std::string::npos) return 0;
  if (std::sscanf(line.c_str() + after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", &ticks[0], &ticks[1]) != 2) return 0;
  return static_cast<double>(ticks[0] + ticks[1]) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

struct HandlerGauges {
  Gauge lag{"kafka_consumer_lag", "Offsets behind the high watermark; the control record that ends a transaction counts as one."};
  Gauge joined{"hostler_group_joined", "1 while the handler is a member of the group with an assignment."};
  Gauge partitions{"hostler_assigned_partitions", "Partitions assigned to this host."};
  Gauge rebalances{"hostler_rebalances_total", "Assignments that the group gave this member.", prometheus::MetricType::Counter};
  Gauge paused{"hostler_intake_paused", "1 while the handler waits for the end of an outage."};
  Gauge breaker{"hostler_breaker_state", "1 for the state that the handler's circuit breaker is in."};
  Gauge opened{"hostler_breaker_opened_total", "How often the breaker opened.", prometheus::MetricType::Counter};
  Gauge suspects{"hostler_suspects", "Records in the partitions of this host in whose handling a host died, not settled yet."};
  Gauge failed{"hostler_handler_failed", "1 for a handler that could not be started."};
  Gauge busy{"hostler_lane_handling_seconds", "How long the lane has been in the handler's code; 0: it is not."};
  Gauge depth{"hostler_retry_depth", "Records that wait on retry topics in the partitions of this host."};
  Gauge refused{"hostler_partition_refused", "1 for a partition that is held until an operator decides: /health and the log say why."};
  Gauge stuck{"hostler_stuck_records", "Records that wait for a retry that was due more than 10 minutes ago: their copies may be lost."};
  Gauge pending{"hostler_outbox_pending", "Messages in the outbox that wait to be published."};
  Gauge relay_lag{"hostler_outbox_lag_seconds", "Age of the oldest of them."};
  Gauge put_aside{"hostler_outbox_failed", "Messages in the outbox that can never be published."};
  Gauge due{"hostler_retry_next_due_timestamp_seconds", "When the next waiting record is due."};

  void add_group(const core::HandlerHealth& h, const core::GroupHealth& g) {
    joined.add({{"handler", h.name}, {"group", g.group}}, number(g.joined));
    partitions.add({{"handler", h.name}, {"group", g.group}}, static_cast<double>(g.partitions.size()));
    rebalances.add({{"handler", h.name}, {"group", g.group}}, static_cast<double>(g.rebalances));
    for (const auto& p : g.partitions) {
      if (&g == &h.source) refused.add({{"handler", h.name}, {"topic", p.where.topic}, {"partition", std::to_string(p.where.partition.value)}}, number(!p.held.empty()));
      if (p.lag) lag.add({{"handler", h.name}, {"group", g.group}, {"topic", p.where.topic}, {"partition", std::to_string(p.where.partition.value)}}, static_cast<double>(*p.lag));
    }
  }
  void add(const core::HandlerHealth& h) {
    failed.add({{"handler", h.name}}, number(!h.failed.empty()));
    if (!h.failed.empty()) return;
    paused.add({{"handler", h.name}}, number(!h.paused_because.empty()));
    for (const auto state : {core::BreakerState::closed, core::BreakerState::open, core::BreakerState::half_open})
      breaker.add({{"handler", h.name}, {"state", std::string(core::to_text(state))}}, number(h.breaker.state == state));
    opened.add({{"handler", h.name}}, static_cast<double>(h.breaker.opened));
    suspects.add({{"handler", h.name}}, static_cast<double>(h.suspects));
    for (const auto& lane : h.lanes) busy.add({{"handler", h.name}, {"lane", std::to_string(lane.index)}}, seconds(lane.handling.value_or(core::Millis{0})));
    if (h.stuck) stuck.add({{"handler", h.name}}, static_cast<double>(*h.stuck));
    if (h.outbox) {
      pending.add({{"handler", h.name}}, static_cast<double>(h.outbox->pending));
      relay_lag.add({{"handler", h.name}}, seconds(h.outbox->lag));
      put_aside.add({{"handler", h.name}}, static_cast<double>(h.outbox->failed));
    }
    add_group(h, h.source);
    if (!h.retry) return;
    add_group(h, *h.retry);
    depth.add({{"handler", h.name}}, static_cast<double>(core::lag_of(*h.retry)));
    if (const auto next = core::next_due_of(*h.retry)) due.add({{"handler", h.name}}, static_cast<double>(core::to_epoch_ms(*next)) / 1000);
  }
};

struct ClusterGauges {
  Gauge up{"hostler_cluster_up", "1 while a broker of the cluster answers."};
  Gauge broker{"hostler_broker_up", "1 while the broker answers."};
  Gauge latency{"hostler_broker_latency_seconds", "Of one request to the broker."};
  Gauge offline{"hostler_topic_offline_partitions", "Partitions without a leader."};
  Gauge under{"hostler_topic_under_replicated_partitions", "Partitions with fewer replicas in sync than configured."};
  Gauge missing{"hostler_topic_missing", "1 for a topic that the host needs and that does not exist."};

  void add(const core::ClusterHealth& c) {
    up.add({{"cluster", c.name}}, number(c.asked && c.error.empty()));
    for (const auto& b : c.brokers) {
      broker.add({{"cluster", c.name}, {"broker", std::to_string(b.id)}}, number(b.error.empty()));
      latency.add({{"cluster", c.name}, {"broker", std::to_string(b.id)}}, seconds(b.latency));
    }
    for (const auto& t : c.topics) {
      missing.add({{"cluster", c.name}, {"topic", t.name}}, number(t.partitions == 0));
      offline.add({{"cluster", c.name}, {"topic", t.name}}, t.offline);
      under.add({{"cluster", c.name}, {"topic", t.name}}, t.under_replicated);
    }
  }
};

}  // namespace

std::vector<prometheus::MetricFamily> gauges(const core::HostHealth& health, const std::string& version, std::chrono::system_clock::time_point started) {
  const auto assessment = core::assess(health);
  Gauge build{"hostler_build_info", "1; the version is a label."}, live{"hostler_live", "1 while /livez says yes."}, ready{"hostler_ready", "1 while /readyz says yes."};
  Gauge start{"process_start_time_seconds", "Start of the process."}, memory{"process_resident_memory_bytes", "Memory in use."};
  Gauge cpu{"process_cpu_seconds_total", "Processor time, user and system.", prometheus::MetricType::Counter};
  Gauge jump{"hostler_clock_jump_seconds", "By how much the wall clock jumped within the last five minutes."};
  Gauge ledger_up{"hostler_ledger_up", "1 while something can be settled in the database."}, ledger_latency{"hostler_ledger_latency_seconds", "Of one question to the database."};
  build.add({{"version", version}}, 1);
  live.add({}, number(assessment.live));
  ready.add({}, number(assessment.ready));
  start.add({}, std::chrono::duration<double>(started.time_since_epoch()).count());
  memory.add({}, resident_bytes());
  cpu.add({}, cpu_seconds());
  jump.add({}, seconds(health.clock_jump));
  HandlerGauges handlers;
  for (const auto& h : health.handlers) handlers.add(h);
  ClusterGauges clusters;
  for (const auto& c : health.clusters) clusters.add(c);
  for (const auto& l : health.ledgers) {
    ledger_up.add({{"ledger", l.name}}, number(l.asked && l.error.empty()));
    ledger_latency.add({{"ledger", l.name}}, seconds(l.latency));
  }
  std::vector<prometheus::MetricFamily> out;
  for (Gauge* gauge : {&build, &live, &ready, &start, &memory, &cpu, &jump, &handlers.lag, &handlers.joined, &handlers.partitions, &handlers.rebalances, &handlers.paused, &handlers.breaker, &handlers.opened,
                       &handlers.suspects, &handlers.failed, &handlers.busy, &handlers.refused, &handlers.stuck, &handlers.depth, &handlers.pending, &handlers.relay_lag, &handlers.put_aside, &handlers.due, &clusters.up, &clusters.broker, &clusters.latency, &clusters.offline, &clusters.under,
                       &clusters.missing, &ledger_up, &ledger_latency}) {
    auto family = gauge->take();
    if (!family.metric.empty()) out.push_back(std::move(family));
  }
  return out;
}

}  // namespace hostler::http
