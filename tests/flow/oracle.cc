#include "flow/oracle.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

namespace hostler::flow {
namespace {

constexpr std::size_t most_examples = 12;

int number(const std::optional<std::string>& text) {
  int out = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), out);
  return out;
}

// One event id: where it was acknowledged (twins have several places), what must become of it, and what did.
struct Event {
  std::set<std::tuple<std::string, std::int64_t, std::int64_t>> places;
  bool to_die = false, to_drop = false;
  std::size_t effects = 0, valid_letters = 0, orphans = 0;
  int dead_step = 0; // of its dead row; 0: none
};

class Judge {
 public:
  Judge(World& world, const Case& what) : world_(world), case_(what) {}

  Judgement judge() {
    for (const auto& topic : case_.topics) acknowledged(topic);
    effects();
    rows();
    for (const auto& topic : case_.topics) letters(topic);
    for (const auto& [id, event] : events_) outcome(id, event);
    for (const auto& topic : case_.topics) copies(topic);
    deliveries();
    if (case_.accounts) accounts();
    marks();
    return out_;
  }

 private:
  void wrong(std::size_t& count, const std::string& text) {
    ++count;
    if (out_.examples.size() < most_examples) out_.examples.push_back(text);
  }

  void acknowledged(const std::string& topic) {
    const auto records = world_.read(topic);
    for (const auto& r : records)
      events_[r.header("event-id").value()].places.insert({topic, r.partition, r.offset});
    const auto reference = flow::reference(topic, records, case_.max_retries);
    for (const auto& id : reference.dead) events_[id].to_die = true;
    std::set<std::string> decided = reference.dead;
    for (const auto& e : reference.effects) decided.insert(e.event_id);
    for (const auto& r : records)
      if (const auto id = r.header("event-id").value(); !decided.contains(id)) events_[id].to_drop = true;
    out_.records = events_.size();
  }

  void effects() {
    for (const auto& e : world_.effects(case_.effects_table)) {
      const auto event = events_.find(e.event_id);
      if (event == events_.end() || !event->second.places.contains({e.topic, e.part, e.off})) {
        wrong(out_.wrong, e.event_id + ": an effect of a record that nobody produced");
        continue;
      }
      ++event->second.effects;
      ++out_.effects;
    }
  }

  void rows() {
    for (const auto& row : world_.db().query("SELECT event_id, state, step FROM hostler_delegated")) {
      const auto event = events_.find(row[0]);
      if (event == events_.end())
        wrong(out_.wrong, row[0] + ": a row of a record that nobody produced");
      else if (row[1] == "dead")
        event->second.dead_step = number(row[2]);
      else
        wrong(out_.unsettled, row[0] + ": its row still says " + row[1]);
    }
  }

  void letters(const std::string& topic) {
    for (const auto& letter : world_.letters(topic)) {
      const auto event = events_.find(letter.header("event-id").value());
      if (event == events_.end()) {
        wrong(out_.wrong, letter.header("event-id").value() + ": a letter of a record that nobody produced");
        continue;
      }
      const bool valid =
          event->second.dead_step > 0 && event->second.dead_step == number(letter.header("hostler-step"));
      ++(valid ? event->second.valid_letters : event->second.orphans);
      out_.orphans += valid ? 0 : 1;
    }
  }

  void outcome(const std::string& id, const Event& e) {
    const bool dead = e.dead_step > 0;
    out_.dead += dead ? 1 : 0;
    if (e.effects > 1) wrong(out_.twice, id + ": " + std::to_string(e.effects) + " effects");
    if (e.effects > 0 && dead) wrong(out_.both, id + ": an effect and a dead row");
    if (e.effects == 0 && !dead && !e.to_drop)
      wrong(out_.lost,
            id + ": neither effect nor dead row (" + std::to_string(e.orphans) + " letters without a row)");
    if (dead && e.valid_letters == 0 && !case_.letters_gone.contains(id))
      wrong(out_.no_letter, id + ": dead at step " + std::to_string(e.dead_step) + ", and no letter says so");
    if (e.effects > 0 && (e.to_die || e.to_drop))
      wrong(out_.wrong, id + ": an effect, and it was to have none");
    if (dead && !e.to_die) wrong(out_.wrong, id + ": dead, and it was to be done");
  }

  // When each delivery beyond the first was due at the earliest: orphans and repeats lie in the topics too.
  void copies(const std::string& topic) {
    for (const auto& tier : case_.tiers) {
      for (const auto& copy : world_.read(world_.retry_topic(topic, tier.delay))) {
        const int attempt = number(copy.header("hostler-attempt"));
        const auto id = copy.header("event-id").value();
        if (attempt > case_.max_retries + 1)
          wrong(out_.over_limit, id + ": a copy for attempt " + std::to_string(attempt));
        const auto due = copy.timestamp_ms + tier.millis;
        const auto [known, fresh] = due_.try_emplace({id, attempt}, due);
        if (!fresh) known->second = std::min(known->second, due);
      }
    }
  }

  void deliveries() {
    for (const auto& d : world_.deliveries()) {
      if (d.attempt > case_.max_retries + 1)
        wrong(out_.over_limit, d.event_id + ": attempt " + std::to_string(d.attempt));
      if (d.attempt < 2) continue;
      const auto due = due_.find({d.event_id, d.attempt});
      if (due == due_.end())
        wrong(out_.wrong, d.event_id + ": attempt " + std::to_string(d.attempt) + " without a copy");
      else if (d.at_ms < due->second)
        wrong(out_.early, d.event_id + ": " + std::to_string(due->second - d.at_ms) + " ms early");
    }
  }

  // As probe.effects moves it. A transaction that was there twice and an effect that was there once would show here.
  void accounts() {
    const std::string to =
        "part::bigint * 100 + mod(abs(hashtext(event_id || ' gets')::bigint), 100)";
    const std::string from = "part::bigint * 100 + mod(abs(hashtext(event_id)::bigint), 100)";
    const auto different = world_.db().query(
        "SELECT a.id, a.balance, coalesce(sum(e.change), 0) FROM accounts a LEFT JOIN (SELECT " + from +
        " AS id, -1 AS change FROM " + case_.effects_table + " UNION ALL SELECT " + to + ", 1 FROM " +
        case_.effects_table +
        ") e ON e.id = a.id GROUP BY a.id, a.balance HAVING a.balance <> coalesce(sum(e.change), 0)");
    for (const auto& row : different)
      wrong(out_.sums, "account " + row[0] + " has " + row[1] + ", the effects make it " + row[2]);
    if (const auto sum = world_.db().number("SELECT sum(balance) FROM accounts"); sum != 0)
      wrong(out_.sums, "all accounts together have " + std::to_string(sum));
  }

  void marks() {
    for (const auto& topic : case_.topics) {
      const auto ends = world_.kafka().watermarks(topic);
      const auto committed = world_.kafka().committed(world_.group(), topic);
      for (const auto& row : world_.db().query(
               "SELECT partition, next_offset FROM hostler_mark WHERE topic = '" + topic + "'")) {
        const int partition = number(row[0]);
        const std::int64_t mark = std::stoll(row[1]);
        const std::string where = topic + "/" + row[0];
        if (const auto end = ends.at(partition).high; mark != end)
          wrong(out_.unsettled, where + ": the mark is at " + row[1] + " of " + std::to_string(end));
        const auto offset = committed.find(partition);
        if (offset != committed.end() && offset->second > mark)
          wrong(out_.unsettled, where + ": offset " + std::to_string(offset->second) +
                                    " is committed beyond the mark " + row[1]);
      }
    }
  }

  World& world_;
  const Case& case_;
  std::map<std::string, Event> events_;
  std::map<std::pair<std::string, int>, std::int64_t> due_;
  Judgement out_;
};

} // namespace

std::string Judgement::text() const {
  std::string out = std::to_string(records) + " events, " + std::to_string(effects) + " effects, " +
                    std::to_string(dead) + " dead; lost " + std::to_string(lost) + ", twice " +
                    std::to_string(twice) + ", both " + std::to_string(both) + ", wrong " +
                    std::to_string(wrong) + ", without letter " + std::to_string(no_letter) + ", early " +
                    std::to_string(early) + ", over the limit " + std::to_string(over_limit) +
                    ", accounts wrong " + std::to_string(sums) + ", unsettled " + std::to_string(unsettled) +
                    "; orphan letters " + std::to_string(orphans) + "\n";
  for (const auto& example : examples) out += "  " + example + "\n";
  return out;
}

Judgement judge(World& world, const Case& what) { return Judge(world, what).judge(); }

} // namespace hostler::flow
