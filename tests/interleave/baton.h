// Threads of which exactly one is awake: whoever holds the baton. At every step a seeded choice says who gets it next, so that a run can be
// repeated. Actors call yield() and wait(); the test's thread calls step().
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace hostler::testing {

// Chance, from one seed. One thread at a time.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}
  // True in `percent` of all cases.
  bool in(double percent) { return std::uniform_real_distribution<>(0, 100)(random_) < percent; }
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }

 private:
  std::mt19937_64 random_;
};

class Baton {
 public:
  struct Stopped {};  // thrown out of yield() and wait() once the test is over

  explicit Baton(Chance& chance) : chance_(chance) {}
  ~Baton() { stop(); }
  Baton(const Baton&) = delete;
  Baton& operator=(const Baton&) = delete;

  // The body begins at the actor's first turn, and ends by returning or by Stopped.
  void add(std::string name, std::function<void()> body);
  // Lets one actor run to its next yield. False: all wait, or have ended. [test's thread]
  bool step();
  // Ends all actors. [test's thread]
  void stop();

  // [actors]
  void yield() {
    wait([] { return true; });
  }
  // Gets the baton again only when `ready` answers true; it is asked by the test's thread while all actors rest.
  void wait(std::function<bool()> ready);
  [[nodiscard]] const std::string& name() const;  // of the calling actor

 private:
  struct Actor {
    std::string name;
    std::function<bool()> ready = [] { return true; };
    bool ended = false;
    std::thread thread;
  };
  static constexpr std::size_t nobody = SIZE_MAX;
  void give_to(std::size_t who);

  Chance& chance_;
  std::vector<std::unique_ptr<Actor>> actors_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t holder_ = nobody;  // guarded by mutex_; nobody: the test's thread
  bool stopping_ = false;        // guarded by mutex_
};

}  // namespace hostler::testing
