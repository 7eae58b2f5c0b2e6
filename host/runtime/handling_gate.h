// Who may be in handlers' hands at the same time: any number of calls, or one suspect alone, so that if the host dies then it is known of
// what. One per host; every lane goes through it around the handler's code. Thread-safety: any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>

namespace hostler::runtime {

class HandlingGate {
 public:
  enum class Company : bool { welcome, none };

  // Waits for its turn: nobody who wants no company waits for those who come later. Asks `go_on` every 20 ms; false: it said no.
  [[nodiscard]] bool enter(Company company, const std::function<bool()>& go_on) {
    std::unique_lock lock(mutex_);
    if (company == Company::none) ++wanting_;
    bool entered = false;
    while (!(entered = free(company))) {
      if (changed_.wait_for(lock, std::chrono::milliseconds(20), [&] { return free(company); })) continue;
      lock.unlock();
      const bool on = go_on();
      lock.lock();
      if (!on) break;
    }
    if (company == Company::none) --wanting_;
    if (entered) ++inside_, alone_ = company == Company::none;
    else changed_.notify_all();  // somebody may have waited for this one
    return entered;
  }

  void leave() {
    {
      const std::lock_guard lock(mutex_);
      --inside_;
      alone_ = false;
      if (wanting_ == 0 && inside_ > 0) return;  // nobody waits for that
    }
    changed_.notify_all();
  }

  // A turn that ends with this object, or before. The gate may be null.
  class Turn {
   public:
    Turn(HandlingGate* gate, Company company, const std::function<bool()>& go_on) : gate_(gate), entered_(gate == nullptr || gate->enter(company, go_on)) {
      if (!entered_) gate_ = nullptr;
    }
    ~Turn() { end(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    [[nodiscard]] bool entered() const { return entered_; }
    void end() {
      if (gate_ != nullptr) gate_->leave();
      gate_ = nullptr;
    }

   private:
    HandlingGate* gate_;
    const bool entered_;
  };

 private:
  [[nodiscard]] bool free(Company company) const { return company == Company::none ? inside_ == 0 : !alone_ && wanting_ == 0; }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t inside_ = 0, wanting_ = 0;  // guarded by mutex_
  bool alone_ = false;                    // likewise
};

}  // namespace hostler::runtime
