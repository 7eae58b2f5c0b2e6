#include "core/health.h"

#include <algorithm>
#include <utility>

namespace hostler::core {
namespace {

std::string seconds(Millis t) { return std::to_string(t.count() / 1000) + "." + std::to_string(t.count() % 1000 / 100) + " s"; }

std::string text_of(const TopicPartition& where) { return where.topic + "/" + std::to_string(where.partition.value); }

// Collects what is wrong: first what ends liveness, then what ends readiness, then notes.
class Findings {
 public:
  void dead(std::string component, std::string what, std::string mend) { dead_.push_back({std::move(component), std::move(what), std::move(mend)}); }
  void unready(std::string component, std::string what, std::string mend) { unready_.push_back({std::move(component), std::move(what), std::move(mend)}); }
  void note(std::string component, std::string what, std::string mend) { notes_.push_back({std::move(component), std::move(what), std::move(mend)}); }

  Assessment take() {
    Assessment out;
    out.live = dead_.empty();
    out.ready = dead_.empty() && unready_.empty();
    for (auto* list : {&dead_, &unready_, &notes_}) out.problems.insert(out.problems.end(), std::make_move_iterator(list->begin()), std::make_move_iterator(list->end()));
    return out;
  }

 private:
  std::vector<Problem> dead_, unready_, notes_;
};

void look_at_lanes(const HandlerHealth& h, const std::string& who, Findings& found) {
  for (const auto& lane : h.lanes) {
    const std::string which = "lane " + std::to_string(lane.index);
    if (lane.ended) {
      found.dead(who, which + " has ended", "the log says why; the host must be restarted");
    } else if (lane.handling && *lane.handling > h.timeout + handling_slack) {
      found.dead(who, which + " has been in the handler's code for " + seconds(*lane.handling) + ", its timeout is " + seconds(h.timeout),
                 "the handler hangs or needs a longer timeout; the host is about to end itself");
    } else if (!lane.handling && !lane.publishing && !lane.settling && lane.quiet > lane_quiet_limit + h.timeout) {
      found.dead(who, which + " has not moved for " + seconds(lane.quiet), "the host must be restarted");
    } else if (lane.publishing && *lane.publishing > publish_limit && lane.paused_because.empty()) {
      found.unready(who, which + " has been waiting for brokers to take its copies for " + seconds(*lane.publishing), "records wait in Kafka; nothing is lost");
    } else if (lane.settling && *lane.settling > settle_limit && lane.paused_because.empty()) {
      found.unready(who, which + " has been waiting for its database for " + seconds(*lane.settling), "a lock, too few sessions, or a server that does not answer");
    }
  }
}

void look_at_group(const HandlerHealth& h, const GroupHealth& group, const std::string& who, Findings& found) {
  if (!group.joined) {
    found.unready(who, "has not joined group " + group.group, "");
  } else if (!group.waiting_for.empty()) {
    found.unready(who, "waits: " + group.waiting_for, "");
  }
  const Millis limit = std::max(partition_quiet_limit, 2 * h.timeout);  // retries lag by design
  for (const auto& p : group.partitions) {
    if (&group != &h.source || !p.lag || *p.lag == 0 || p.quiet <= limit || !h.paused_because.empty()) continue;
    found.note(who, text_of(p.where) + " stands at offset " + std::to_string(p.settled.value) + " for " + seconds(p.quiet) + " with a lag of " + std::to_string(*p.lag), "");
  }
}

void look_at_handler(const HandlerHealth& h, bool starting, Findings& found) {
  const std::string who = "handler " + h.name;
  if (!h.failed.empty()) return found.unready(who, "does not run: " + h.failed, "mend it and restart the host; the other handlers run");
  if (starting) return;
  look_at_lanes(h, who, found);
  if (h.outbox && h.outbox->failed > 0) {
    found.note(who, std::to_string(h.outbox->failed) + " messages in the outbox can never be published", "their reason is in hostler_outbox.failure; delete the rows, or mend the topic and set failure to NULL");
  }
  if (!h.paused_because.empty()) found.unready(who, "intake is paused: " + h.paused_because, "records wait in Kafka; nothing is lost");
  if (h.suspects > 0) {
    found.note(who, "suspects: " + std::to_string(h.suspects) + " records in whose handling a host died wait to be handled one by one", "");
  }
  look_at_group(h, h.source, who, found);
  if (h.retry) look_at_group(h, *h.retry, who, found);
  if (h.stuck.value_or(0) > 0) {
    found.note(who, std::to_string(*h.stuck) + (*h.stuck == 1 ? " record waits" : " records wait") + " for a retry that was due more than 10 minutes ago; the copies may be lost",
               "`hostler ledger stuck` lists them, with --reissue it publishes their copies again");
  }
  if (h.source.joined && h.source.partitions.empty() && h.source.waiting_for.empty()) {
    found.note(who, "has no partition: other members of group " + h.source.group + " have them all", "");
  }
}

void look_at_cluster(const ClusterHealth& c, Findings& found) {
  const std::string who = c.name.empty() ? "kafka" : "kafka " + c.name;
  if (!c.asked) return found.unready(who, "the brokers have not answered yet", "");
  if (!c.error.empty()) return found.unready(who, c.error, "records wait in Kafka; the host keeps trying");
  for (const auto& broker : c.brokers) {
    if (!broker.error.empty()) found.note(who, "broker " + std::to_string(broker.id) + " (" + broker.address + ") does not answer: " + broker.error, "");
  }
  for (const auto& topic : c.topics) {
    if (topic.partitions == 0) {
      found.unready(who, "topic " + topic.name + " does not exist", "create it, or take it out of the configuration");
    } else if (topic.offline > 0) {
      found.unready(who, "topic " + topic.name + " has " + std::to_string(topic.offline) + " partitions without a leader", "their brokers are down");
    } else if (topic.under_replicated > 0) {
      found.note(who, "topic " + topic.name + " has " + std::to_string(topic.under_replicated) + " under-replicated partitions", "");
    }
  }
}

}  // namespace

std::int64_t lag_of(const GroupHealth& group) {
  std::int64_t lag = 0;
  for (const auto& p : group.partitions) lag += p.lag.value_or(0);
  return lag;
}

std::optional<Timestamp> next_due_of(const GroupHealth& group) {
  std::optional<Timestamp> next;
  for (const auto& p : group.partitions)
    if (p.next_due) next = next ? std::min(*next, *p.next_due) : *p.next_due;
  return next;
}

Assessment assess(const HostHealth& health) {
  Findings found;
  for (const auto& h : health.handlers) look_at_handler(h, health.starting, found);
  for (const auto& c : health.clusters) look_at_cluster(c, found);
  for (const auto& l : health.ledgers) {
    const std::string who = l.name.empty() ? "ledger" : "ledger " + l.name;
    if (!l.asked) found.unready(who, "the database has not answered yet", "");
    else if (!l.error.empty()) found.unready(who, l.error, "records wait in Kafka; the host keeps trying");
  }
  if (health.starting) found.unready("host", "is starting", "");
  if (health.draining) found.unready("host", "is draining", "");
  if (health.clock_jump != Millis{0}) {
    found.note("host", "the wall clock jumped by " + std::to_string(health.clock_jump.count()) + " ms", "retries may come early or late by as much; look at the time service");
  }
  return found.take();
}

}  // namespace hostler::core
