#include "flow/transactions.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <tuple>

namespace hostler::flow {
namespace {

constexpr int max_retries = 3;
const std::vector<std::string> tiers = {"1s", "2s", "4s"};

// How many attempts a value of steering.h needs; 0: it never succeeds, and is not retried.
int attempts_of(const std::string& value) {
  int attempts = value.starts_with("reject:") ? 0 : 1;
  if (value.starts_with("fail:")) std::from_chars(value.data() + 5, value.data() + value.size(), attempts);
  return attempts;
}

struct Event {
  std::pair<std::int32_t, std::int64_t> place;
  std::string value;
  std::size_t outputs = 0, letters = 0;
  std::map<std::string, std::size_t> copies;  // by tier
};

class Judge {
 public:
  explicit Judge(TransactionWorld& w) : w_(w), world_(w.world) {}

  Published judge() {
    for (const auto& r : world_.read(w_.topic)) {
      Event& event = events_[r.header("event-id").value()];
      event.place = {r.partition, r.offset};
      event.value = r.value.value();
    }
    out_.records = events_.size();
    outputs();
    for (const auto& r : world_.letters(w_.topic)) count(r.header("event-id").value(), out_.letters, [](Event& e) -> std::size_t& { return e.letters; });
    for (const auto& tier : tiers) {
      for (const auto& r : world_.read(world_.retry_topic(w_.topic, tier)))
        count(r.header("event-id").value(), out_.copies, [&](Event& e) -> std::size_t& { return e.copies[tier]; });
    }
    for (const auto& [id, event] : events_) outcome(id, event);
    const auto ends = world_.kafka().watermarks(w_.topic);
    const auto committed = world_.kafka().committed(world_.group(), w_.topic);
    for (const auto& [partition, end] : ends) {
      const auto offset = committed.find(partition);
      if (offset == committed.end() || offset->second != end.high) wrong(out_.unsettled, "partition " + std::to_string(partition) + " is not committed at its end");
    }
    return out_;
  }

 private:
  void wrong(std::size_t& count, const std::string& text) {
    ++count;
    if (out_.examples.size() < 12) out_.examples.push_back(text);
  }

  template <class Of>
  void count(const std::string& id, std::size_t& all, Of of) {
    const auto event = events_.find(id);
    if (event == events_.end()) return wrong(out_.wrong, id + ": of a record that nobody produced");
    ++of(event->second);
    ++all;
  }

  void outputs() {
    std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> last;  // output partition, source partition: offset there
    for (const auto& r : world_.read(w_.output)) {
      const std::string id = r.key.value();
      count(id, out_.outputs, [](Event& e) -> std::size_t& { return e.outputs; });
      const auto event = events_.find(id);
      if (event == events_.end() || attempts_of(event->second.value) != 1) continue;
      const auto [partition, offset] = event->second.place;
      auto& before = last.try_emplace({r.partition, partition}, -1).first->second;
      if (offset < before) wrong(out_.disordered, id + ": published after offset " + std::to_string(before));
      before = std::max(before, offset);
    }
    out_.aborted = world_.kafka().read(w_.output, Isolation::read_uncommitted).size() - out_.outputs;
  }

  void outcome(const std::string& id, const Event& e) {
    const int attempts = attempts_of(e.value);
    const bool good = attempts > 0 && attempts <= max_retries + 1;
    if (e.outputs + e.letters == 0) wrong(out_.lost, id + " (" + e.value + "): neither output nor letter");
    if (e.outputs + e.letters > 1) wrong(out_.twice, id + " (" + e.value + "): " + std::to_string(e.outputs) + " outputs, " + std::to_string(e.letters) + " letters");
    if ((good ? e.letters : e.outputs) > 0) wrong(out_.wrong, id + " (" + e.value + "): " + (good ? "dead" : "published"));
    const int through = std::min(attempts - 1, max_retries);
    for (int tier = 0; tier < static_cast<int>(tiers.size()); ++tier) {
      const auto copies = e.copies.find(tiers[static_cast<std::size_t>(tier)]);
      const std::size_t found = copies == e.copies.end() ? 0 : copies->second;
      if (found != (tier < through ? 1U : 0U)) wrong(out_.miscopied, id + " (" + e.value + "): " + std::to_string(found) + " copies in tier " + std::to_string(tier + 1));
    }
  }

  TransactionWorld& w_;
  World& world_;
  std::map<std::string, Event> events_;
  Published out_;
};

}  // namespace

std::string Published::text() const {
  std::string out = std::to_string(records) + " events, " + std::to_string(outputs) + " outputs, " + std::to_string(letters) + " letters, " + std::to_string(copies) +
                    " copies, " + std::to_string(aborted) + " aborted; lost " + std::to_string(lost) + ", twice " + std::to_string(twice) + ", wrong " + std::to_string(wrong) +
                    ", disordered " + std::to_string(disordered) + ", miscopied " + std::to_string(miscopied) + ", unsettled " + std::to_string(unsettled) + "\n";
  for (const auto& example : examples) out += "  " + example + "\n";
  return out;
}

TransactionWorld::TransactionWorld(int partitions, const std::string& bootstrap)
    : world(postgres_url(), bootstrap), topic(world.topic("events", partitions)), output(world.topic("output", 2)),
      handler(world.probe("probe.bare", {topic}, output).text("effects", "kafka").set("batch.max_records", "20").set("lanes", "2")) {}

Host TransactionWorld::host(const std::string& name, const std::string& failpoints) {
  const auto file = config(name);
  return failpoints.empty() ? Host(file) : Host(file, {{"HOSTLER_FAILPOINTS", failpoints}}, HOSTLER_FAILPOINTS_BINARY);
}

void TransactionWorld::produce(int count, const std::string& good) {
  for (const int end = produced_ + count; produced_ < end; ++produced_) {
    const int i = produced_;
    std::string value = good + "value " + std::to_string(i);
    if (i % 12 == 1) value = "fail:" + std::to_string(2 + i / 12 % 3) + ":";
    if (i % 25 == 3) value = "reject:";
    if (i % 60 == 11) value = "fail:9:";
    world.kafka().produce(topic, event("event-" + std::to_string(i), value));
  }
  world.kafka().flush();
}

void TransactionWorld::produce_good(int count) {
  for (const int end = produced_ + count; produced_ < end; ++produced_) world.kafka().produce(topic, event("event-" + std::to_string(produced_), "good"));
  world.kafka().flush();
}

bool TransactionWorld::at_end(const std::string& group, const std::string& of) {
  std::map<std::int32_t, std::int64_t> ends;
  for (const auto& r : world.read(of)) ends[r.partition] = r.offset + 1;
  const auto committed = world.kafka().committed(group, of);
  return std::all_of(ends.begin(), ends.end(), [&](const auto& end) {
    const auto offset = committed.find(end.first);
    return offset != committed.end() && offset->second >= end.second;
  });
}

// Tier by tier: what leaves one is in the next when its offset is committed, that being one transaction.
bool TransactionWorld::settles(std::chrono::milliseconds patience) {
  return eventually(patience, [&] {
    try {
      if (world.kafka().lag(world.group(), topic) != 0) return false;
      return std::all_of(tiers.begin(), tiers.end(), [&](const auto& tier) { return at_end(world.group() + ".retry", world.retry_topic(topic, tier)); });
    } catch (const std::runtime_error&) { return false; }  // a broker that has just come back does not know everything at once
  });
}

Published TransactionWorld::judge() { return Judge(*this).judge(); }

}  // namespace hostler::flow
