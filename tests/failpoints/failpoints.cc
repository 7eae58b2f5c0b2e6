// Failpoints that act, after HOSTLER_FAILPOINTS: a list of NAME=ACTION@HIT, separated by commas.
//
//   NAME     as in runtime/failpoint.h, or *
//   ACTION   kill           SIGKILL to this process
//            error          fails there
//            delay:MS       waits
//            block:PATH     waits until the file PATH exists
//   @HIT     acts on this hit alone (1 is the first); @HIT+ from this hit on; @1/N on each with a chance of one in N (HOSTLER_FAILPOINT_SEED);
//            without it on each
//
// What acts is said on standard error, so that a test can wait for it.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <list>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>

#include "runtime/failpoint.h"

namespace {

struct Failpoint {
  std::string name, action, argument;
  long first = 1, last = -1, one_in = 0;  // hits; last -1: for ever
  std::atomic<long> hits{0};
};

[[noreturn]] void refuse(const std::string& text) {
  std::fprintf(stderr, "HOSTLER_FAILPOINTS: %s\n", text.c_str());
  std::_Exit(99);
}

void read_hits(Failpoint& point, const std::string& hits, const std::string& text) {
  if (hits.starts_with("1/")) {
    point.one_in = std::atol(hits.c_str() + 2);
    if (point.one_in < 1) refuse(text);
    return;
  }
  point.first = std::atol(hits.c_str());
  if (point.first < 1) refuse(text);
  if (!hits.ends_with('+')) point.last = point.first;
}

std::list<Failpoint> read(std::string_view list) {
  std::list<Failpoint> out;
  while (!list.empty()) {
    const std::string text(list.substr(0, list.find(',')));
    list.remove_prefix(std::min(list.size(), text.size() + 1));
    const auto equals = text.find('='), at = text.rfind('@');
    if (equals == std::string::npos) refuse(text);
    auto& point = out.emplace_back();
    point.name = text.substr(0, equals);
    const std::string action = text.substr(equals + 1, at == std::string::npos ? at : at - equals - 1);
    point.action = action.substr(0, action.find(':'));
    if (action.find(':') != std::string::npos) point.argument = action.substr(action.find(':') + 1);
    if (point.action != "kill" && point.action != "error" && point.action != "delay" && point.action != "block") refuse(text);
    if (at != std::string::npos) read_hits(point, text.substr(at + 1), text);
  }
  return out;
}

std::list<Failpoint>& points() {
  static std::list<Failpoint> list = read(std::getenv("HOSTLER_FAILPOINTS") == nullptr ? "" : std::getenv("HOSTLER_FAILPOINTS"));
  return list;
}

bool by_chance(long one_in) {
  static std::mutex mutex;
  static std::mt19937 random(static_cast<unsigned>(std::getenv("HOSTLER_FAILPOINT_SEED") == nullptr ? 1 : std::atol(std::getenv("HOSTLER_FAILPOINT_SEED"))));
  const std::lock_guard lock(mutex);
  return random() % static_cast<unsigned>(one_in) == 0;
}

bool acts(Failpoint& point, std::string_view name) {
  if (point.name != "*" && point.name != name) return false;
  if (point.one_in > 0) return by_chance(point.one_in);
  const long hit = ++point.hits;
  return hit >= point.first && (point.last < 0 || hit <= point.last);
}

}  // namespace

namespace hostler::runtime {

bool failpoint(const char* name) {
  bool fails = false;
  for (auto& point : points()) {
    if (!acts(point, name)) continue;
    if (point.one_in == 0 && point.last > 0) std::fprintf(stderr, "failpoint %s: %s\n", name, point.action.c_str());
    if (point.action == "kill") {
      kill(getpid(), SIGKILL);
      pause();
    } else if (point.action == "error") {
      fails = true;
    } else if (point.action == "delay") {
      std::this_thread::sleep_for(std::chrono::milliseconds(std::atol(point.argument.c_str())));
    } else {
      while (!std::filesystem::exists(point.argument)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  return fails;
}

}  // namespace hostler::runtime
