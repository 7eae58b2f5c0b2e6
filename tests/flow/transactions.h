// The world of the tests on effects = "kafka": events that fail, are rejected and are published, and the judge of what readers of committed
// records find. One object belongs to one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "flow/host_fixture.h"

namespace hostler::flow {

// What a run left behind, told from the committed records alone.
struct Published {
  std::size_t records = 0, outputs = 0, letters = 0, copies = 0;
  std::size_t aborted = 0;                   // records in the output topic that nobody is to see
  std::size_t lost = 0, twice = 0, wrong = 0;  // neither output nor letter; more than one; the one where the other belongs
  std::size_t disordered = 0;                // outputs before one of an earlier record of their partition, retried ones apart
  std::size_t miscopied = 0;                 // records that do not have exactly one copy in each tier that they went through
  std::size_t unsettled = 0;                 // partitions whose offset is not committed at their end
  std::vector<std::string> examples;         // of what is wrong, a few
  [[nodiscard]] bool good() const { return lost + twice + wrong + disordered + miscopied + unsettled == 0; }
  [[nodiscard]] std::string text() const;
};

class TransactionWorld {
 public:
  explicit TransactionWorld(int partitions = 2, const std::string& bootstrap = kafka_bootstrap());

  // `count` more events, by number good, failing for a while, rejected, or failing for good. Returns when they are acknowledged.
  void produce(int count, const std::string& good = "");
  void produce_good(int count);
  // A host with the handler; with `failpoints` the one whose failpoints act.
  Host host(const std::string& name = "host", const std::string& failpoints = "");
  std::filesystem::path config(const std::string& host_name) {
    return world.config({handler}, host_name, {{"session.timeout.ms", "1200"}, {"heartbeat.interval.ms", "300"}});
  }

  // Everything has come out: each event, and no copy is on its way.
  [[nodiscard]] bool settles(std::chrono::milliseconds patience = std::chrono::seconds(90));
  [[nodiscard]] Published judge();
  // Committed records in the output topic.
  [[nodiscard]] std::size_t outputs() { return world.read(output).size(); }

  World world;
  const std::string topic, output;
  HandlerToml handler;  // of the hosts that are started from now on

 private:
  [[nodiscard]] bool at_end(const std::string& group, const std::string& of);
  int produced_ = 0;
};

}  // namespace hostler::flow
