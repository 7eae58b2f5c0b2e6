#include "interleave/baton.h"

#include <utility>

namespace hostler::testing {
namespace {
thread_local std::size_t me = SIZE_MAX;
}

void Baton::add(std::string name, std::function<void()> body) {
  const std::size_t index = actors_.size();
  auto& actor = *actors_.emplace_back(std::make_unique<Actor>());
  actor.name = std::move(name);
  actor.thread = std::thread([this, index, &actor, run = std::move(body)] {
    me = index;
    try {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return holder_ == me; });
        if (stopping_) throw Stopped();
      }
      run();
    } catch (const Stopped&) {
    }
    const std::lock_guard lock(mutex_);
    actor.ended = true;
    holder_ = nobody;
    changed_.notify_all();
  });
}

bool Baton::step() {
  std::vector<std::size_t> runnable;
  for (std::size_t i = 0; i < actors_.size(); ++i) {
    if (!actors_[i]->ended && actors_[i]->ready()) runnable.push_back(i);
  }
  if (runnable.empty()) return false;
  give_to(runnable[chance_.below(runnable.size())]);
  return true;
}

void Baton::give_to(std::size_t who) {
  std::unique_lock lock(mutex_);
  holder_ = who;
  changed_.notify_all();
  changed_.wait(lock, [&] { return holder_ == nobody; });
}

void Baton::wait(std::function<bool()> ready) {
  std::unique_lock lock(mutex_);
  actors_[me]->ready = std::move(ready);
  holder_ = nobody;
  changed_.notify_all();
  changed_.wait(lock, [&] { return holder_ == me; });
  if (stopping_) throw Stopped();
}

const std::string& Baton::name() const {
  static const std::string test = "the test";
  return me < actors_.size() ? actors_[me]->name : test;
}

void Baton::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  for (std::size_t i = 0; i < actors_.size(); ++i) {
    if (!actors_[i]->ended) give_to(i);
    if (actors_[i]->thread.joinable()) actors_[i]->thread.join();
  }
}

}  // namespace hostler::testing
