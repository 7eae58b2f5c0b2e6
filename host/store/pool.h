// A bounded pool of database connections: at most `max` are leased at a time, whoever comes late waits. It never hands on a
// connection that its `usable()` does not vouch for; a lease may come without one, the session then connects by itself.
// Private to store/. Thread-safe.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace hostler::store {

template <class Connection>
class Pool {
 public:
  explicit Pool(std::uint32_t max) : free_(std::max<std::uint32_t>(1, max)) {}

  // Waits for a free place; null: none is kept, connect.
  std::unique_ptr<Connection> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return free_ > 0; });
    --free_;
    while (!idle_.empty()) {
      auto connection = std::move(idle_.back());  // the warmest
      idle_.pop_back();
      if (connection->usable()) return connection;
      lock.unlock();  // closing may take a while
      connection.reset();
      lock.lock();
    }
    return nullptr;
  }

  // Null, or one that is not usable, just frees the place.
  void give_back(std::unique_ptr<Connection> connection) {
    if (connection && !connection->usable()) connection.reset();
    {
      const std::lock_guard lock(mutex_);
      ++free_;
      if (connection) idle_.push_back(std::move(connection));
    }
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  // guarded by mutex_
  std::uint32_t free_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace hostler::store
