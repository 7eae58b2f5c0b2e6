// Deletes from a ledger what is older than the configuration keeps, one small step after the other, on a thread of its own. Steps take a tenth of
// the time at most, so that the way of a record does not feel them. Several hosts may do so on one database.
// Thread-safety: start and stop from one thread, ask_to_stop from any.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/host_config.h"
#include "core/types.h"
#include "runtime/ledger.h"
#include "runtime/observer.h"

namespace hostler::runtime {

struct RetentionParts {
  std::string name;                        // of the ledger in the configuration; empty: [ledger]
  Ledger& ledger;
  const core::HostConfig& host;            // its enabled handlers that settle in this ledger decide how old rows may become
  Observer& observer;
  core::Millis between_passes = std::chrono::minutes(15);
  core::Millis between_steps{50};          // or nine times what a step took, if that is longer
  std::uint32_t rows_per_step = 1000;
};

class Retention {
 public:
  explicit Retention(RetentionParts parts);
  ~Retention();  // stops
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  void start();        // with a first pass
  void ask_to_stop();  // no further step
  void stop();         // waits for the step under way

 private:
  void run();
  void pass();
  // False: it is to stop.
  bool pause(core::Millis time);

  const RetentionParts parts_;
  std::vector<ExpiryRule> rules_;  // constant after construction; names belong to the configuration
  std::mutex mutex_;
  std::condition_variable stopping_;
  bool stop_ = false;              // guarded by mutex_
  std::thread thread_;             // start and stop only
};

}  // namespace hostler::runtime
