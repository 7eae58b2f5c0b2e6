#include "torture/nemesis.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <thread>
#include <utility>

namespace hostler::torture {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

Nemesis::Nemesis(Prey prey, std::uint64_t seed)
    : prey_(std::move(prey)), random_(seed), next_(steady_clock::now() + 2s) {}

void Nemesis::tick() {
  const auto now = steady_clock::now();
  mend_what_is_due(now);
  if (now < next_) return;
  static constexpr std::array<Fault, 15> all = {
      {{"kill -9 of a host", 6, false, &Nemesis::kill_host},
       {"restart of a host", 3, false, &Nemesis::end_host},
       {"host stopped beyond its session", 4, false, &Nemesis::stop_host},
       {"kill -9 of the broker", 2, true, &Nemesis::kill_broker},
       {"restart of the broker", 1, true, &Nemesis::restart_broker},
       {"broker silent", 2, true, &Nemesis::freeze_broker},
       {"PostgreSQL crashed", 2, true, &Nemesis::kill_postgres},
       {"links to PostgreSQL cut", 4, false, &Nemesis::cut_links},
       {"links to the broker cut", 4, false, &Nemesis::cut_broker_links},
       {"link ended at some byte", 6, false, &Nemesis::end_link},
       {"links slow", 2, false, &Nemesis::slow_links},
       {"reply to COMMIT lost", 6, false, &Nemesis::lose_commit_reply},
       {"partition added", 1, true, &Nemesis::add_partition},
       {"dead-letter topic deleted", 1, true, &Nemesis::delete_letters},
       {"replay", 3, true, &Nemesis::replay}}};
  int total = 0;
  for (const auto& fault : all) total += fault.weight;
  auto lot = static_cast<int>(draw(static_cast<std::uint64_t>(total)));
  for (const auto& fault : all) {
    if ((lot -= fault.weight) >= 0) continue;
    if (fault.asks_servers && !servers_answer()) break;
    prey_.note(fault.name);
    try {
      (this->*fault.act)();
      ++faults_[fault.name];
    } catch (const std::exception& e) { // servers that are hardly back from the fault before
      prey_.note(std::string("  did not come about: ") + e.what());
    }
    break;
  }
  next_ = steady_clock::now() + between(1000, 4000);
}

void Nemesis::stop() {
  while (!mends_.empty()) mend_what_is_due(Time::max());
}

void Nemesis::later(std::chrono::milliseconds time, std::string what, bool asks_servers,
                    std::function<void()> mend) {
  mends_.push_back({steady_clock::now() + time, std::move(what), asks_servers, std::move(mend)});
}

void Nemesis::mend_what_is_due(Time now) {
  for (std::size_t i = 0; i < mends_.size();) {
    if (mends_[i].at > now || (mends_[i].asks_servers && !servers_answer())) {
      ++i;
      continue;
    }
    const Mend due = std::move(mends_[i]);
    mends_.erase(mends_.begin() + static_cast<std::ptrdiff_t>(i));
    prey_.note(due.what);
    try {
      due.mend();
    } catch (const std::exception& e) {
      prey_.note(std::string("  is tried again: ") + e.what());
      later(1s, due.what, due.asks_servers, due.mend);
      if (now == Time::max()) std::this_thread::sleep_for(500ms); // the pace of the nemesis
    }
  }
}

void Nemesis::kill_host() { prey_.fleet.kill(draw(prey_.fleet.size())); }
void Nemesis::end_host() { prey_.fleet.terminate(draw(prey_.fleet.size())); }

void Nemesis::stop_host() {
  const auto host = draw(prey_.fleet.size());
  prey_.fleet.stop(host);
  later(between(4000, 8000), "the stopped host goes on", false, [this, host] { prey_.fleet.go_on(host); });
}

void Nemesis::kill_broker() {
  prey_.kafka.kill();
  prey_.kafka.start();
}

void Nemesis::restart_broker() {
  prey_.kafka.stop();
  prey_.kafka.start();
}

void Nemesis::freeze_broker() {
  prey_.kafka.freeze();
  broker_silent_ = true;
  later(between(1000, 5000), "the broker answers again", false, [this] {
    prey_.kafka.thaw();
    broker_silent_ = false;
  });
}

void Nemesis::kill_postgres() {
  prey_.world.reconnect();
  prey_.postgres.kill();
  postgres_down_ = true;
  later(between(100, 4000), "PostgreSQL starts", false, [this] {
    prey_.postgres.start();
    postgres_down_ = false;
  });
}

void Nemesis::cut_links() { prey_.postgres_links.cut(); }
void Nemesis::cut_broker_links() { prey_.kafka_links.cut(); }
void Nemesis::lose_commit_reply() { prey_.postgres_links.lose_reply_to("COMMIT"); }

void Nemesis::end_link() {
  using Proxy = testing::TcpProxy;
  Proxy& links = draw(2) == 0 ? prey_.postgres_links : prey_.kafka_links;
  links.cut_after(draw(100'000), draw(2) == 0 ? Proxy::Way::to_server : Proxy::Way::to_client,
                  draw(2) == 0 ? Proxy::End::both : Proxy::End::one);
}

void Nemesis::slow_links() {
  const auto time = between(20, 200);
  for (auto* links : {&prey_.postgres_links, &prey_.kafka_links}) links->delay(time);
  later(between(1000, 4000), "links fast again", false, [this] {
    for (auto* links : {&prey_.postgres_links, &prey_.kafka_links}) links->delay(0ms);
  });
}

void Nemesis::add_partition() {
  if (partitions_added_ == 3) return;
  prey_.world.kafka().add_partitions(prey_.topic, prey_.world.kafka().partitions(prey_.topic) + 1);
  ++partitions_added_;
}

// Its letters are gone, and so are those of transactions that were under way: their records stay dead in the ledger.
void Nemesis::delete_letters() {
  const auto letters = prey_.world.dead_letter_topic(prey_.topic);
  if (letters_topic_gone_ || !prey_.world.kafka().has_topic(letters)) return;
  for (const auto& letter : prey_.world.read(letters))
    letters_gone_.insert(letter.header("event-id").value());
  prey_.world.kafka().delete_topic(letters);
  letters_topic_gone_ = true;
  later(between(3000, 5000), "dead-letter topic made again", true, [this, letters] {
    prey_.world.reconnect();
    for (const auto& row :
         prey_.world.db().query("SELECT event_id FROM hostler_delegated WHERE state = 'dead'"))
      letters_gone_.insert(row[0]);
    if (!prey_.world.kafka().has_topic(letters)) prey_.world.kafka().create_topic(letters, 1);  // a host that was assigned its partitions meanwhile has
    letters_topic_gone_ = false;
  });
}

// As `dlq replay` does: the letter's record with its next step goes to the first tier. What is not valid, or replayed already, is a duplicate.
void Nemesis::replay() {
  const auto letters = prey_.world.letters(prey_.topic);
  for (int i = 0; i < 5 && !letters.empty(); ++i) {
    auto record = letters[draw(letters.size())];
    const int step = std::stoi(record.header("hostler-step").value());
    std::erase_if(record.headers,
                  [](const auto& h) { return h.name == "hostler-step" || h.name == "hostler-attempt"; });
    record.headers.push_back({"hostler-step", std::to_string(step + 1)});
    record.headers.push_back({"hostler-attempt", "2"});
    record.headers.push_back({"hostler-replay", "1"});
    record.partition = -1;
    record.timestamp_ms = 0;
    prey_.world.kafka().produce(prey_.world.retry_topic(prey_.topic, prey_.delays.front()), record);
  }
  prey_.world.kafka().flush();
}

} // namespace hostler::torture
