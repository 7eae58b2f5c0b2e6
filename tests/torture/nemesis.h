// Chooses a fault every few seconds, brings it about and mends it. What it does follows from the seed alone, when it does it roughly so.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "flow/host_fixture.h"
#include "support/private_server.h"
#include "support/tcp_proxy.h"
#include "torture/fleet.h"

namespace hostler::torture {

// What may be broken. Everything outlives the nemesis.
struct Prey {
  flow::World& world;
  testing::PrivateKafka& kafka;
  testing::PrivatePostgres& postgres;
  testing::TcpProxy& postgres_links; // between the hosts and the servers
  testing::TcpProxy& kafka_links;
  Fleet& fleet;
  std::string topic;
  std::vector<std::string> delays;
  std::function<void(const std::string&)> note; // a line for the diary
};

class Nemesis {
 public:
  Nemesis(Prey prey, std::uint64_t seed);

  // Does what is due. Call it often; some faults take seconds.
  void tick();
  // Mends what is still broken; nothing is broken any more.
  void stop();
  [[nodiscard]] const std::map<std::string, int>& faults() const { return faults_; }
  // Events whose dead letter may have gone with a deleted topic.
  [[nodiscard]] const std::set<std::string>& letters_gone() const { return letters_gone_; }

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Fault {
    const char* name;
    int weight;
    bool asks_servers; // needs servers that answer
    void (Nemesis::*act)();
  };
  void kill_host();
  void end_host();
  void stop_host();
  void kill_broker();
  void restart_broker();
  void freeze_broker();
  void kill_postgres();
  void cut_links();
  void cut_broker_links();
  void end_link();
  void slow_links();
  void lose_commit_reply();
  void add_partition();
  void delete_letters();
  void replay();

  std::uint64_t draw(std::uint64_t below) { return random_() % below; }
  std::chrono::milliseconds between(int least, int most) {
    return std::chrono::milliseconds(least +
                                     static_cast<int>(draw(static_cast<std::uint64_t>(most - least))));
  }
  void later(std::chrono::milliseconds time, std::string what, bool asks_servers, std::function<void()> mend);
  [[nodiscard]] bool servers_answer() const { return !broker_silent_ && !postgres_down_; }
  void mend_what_is_due(Time now);

  Prey prey_;
  std::mt19937_64 random_;
  std::map<std::string, int> faults_;
  std::set<std::string> letters_gone_;
  struct Mend {
    Time at;
    std::string what;
    bool asks_servers = false;
    std::function<void()> mend;
  };
  std::vector<Mend> mends_;
  Time next_{};
  int partitions_added_ = 0;
  bool broker_silent_ = false, postgres_down_ = false, letters_topic_gone_ = false;
};

} // namespace hostler::torture
