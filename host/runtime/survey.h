// Asks brokers and databases again and again how they are, so that whoever wants to know need not wait for them.
// Thread-safety: start and stop from one thread; clusters, ledgers and clock_jump from any.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/health.h"
#include "runtime/admin.h"
#include "runtime/ledger.h"

namespace hostler::runtime {

struct SurveyParts {
  struct Cluster {
    std::string name;                                  // empty: the only one
    Admin* admin = nullptr;
    std::function<std::vector<std::string>()> topics;  // to look at; called before each look
  };
  struct Database {
    std::string name;
    Ledger* ledger = nullptr;
  };
  std::vector<Cluster> clusters;
  std::vector<Database> ledgers;
  core::Millis every{1'000};         // pause between two looks while something is wrong
  core::Millis every_healthy{3'000};  // … and while it is well
  core::Millis timeout{2'000};       // of one request to a broker; a database that takes longer is reported meanwhile
};

class Survey {
 public:
  explicit Survey(SurveyParts parts);
  ~Survey();  // stops; waits for requests under way
  Survey(const Survey&) = delete;
  Survey& operator=(const Survey&) = delete;

  void start();
  void stop();
  [[nodiscard]] std::vector<core::ClusterHealth> clusters() const;
  [[nodiscard]] std::vector<core::LedgerHealth> ledgers() const;
  // By how much the wall clock moved against the steady one within the last five minutes; 0: less than two seconds.
  [[nodiscard]] core::Millis clock_jump() const;

 private:
  void watch_cluster(std::size_t index);
  void watch_ledger(std::size_t index);
  void compare_clocks();
  // False: the survey was stopped.
  bool pause(core::Millis time);

  const SurveyParts parts_;
  mutable std::mutex mutex_;
  std::condition_variable stopping_;
  bool stop_ = false;                                // guarded by mutex_, as all below
  std::vector<core::ClusterHealth> clusters_;
  std::vector<core::LedgerHealth> ledgers_;
  std::vector<core::SteadyTime> asking_since_;       // per ledger; {}: no question is open
  core::Millis jump_{0};
  core::SteadyTime jumped_{};
  std::vector<std::thread> threads_;                 // start and stop only
};

}  // namespace hostler::runtime
