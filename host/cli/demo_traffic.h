// Traffic of the AI interview platform: users register, update their profile, log in, are interviewed, upload media, leave; now and
// then a producer repeats itself or writes nonsense. Deterministic: the same seed and times give the same records. Used by the demo
// and the end-to-end tests. Values; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/types.h"

namespace hostler::cli {

struct TrafficOptions {
  std::uint64_t seed = 1;
  std::uint32_t users = 200; // active at a time; those who leave are replaced
  // Shares of all records, 0 to 1.
  double duplicates = 0.03;  // an earlier record once more, byte for byte: the same event id
  double garbage = 0.008;    // no JSON, or JSON without an event id
  double incomplete = 0.012; // an event with a field missing or of the wrong type
  double unknown = 0.005;    // an event type that nobody knows
  double tombstones = 0.005; // a null value under a user's key
  double transient = 0.04;   // fails one to three times, then works
  double permanent = 0.005;  // fails for ever
};

struct TrafficRecord {
  std::string topic, key;
  std::optional<std::string> value; // empty: a tombstone
  core::Timestamp timestamp{};
};

class Traffic {
 public:
  static constexpr std::array<std::string_view, 4> topics = {"user-events", "interview-events",
                                                             "media-events", "auth-events"};

  explicit Traffic(const TrafficOptions& options);

  // The next record, as a producer writes it at `now`.
  TrafficRecord next(core::Timestamp now);

 private:
  enum class Fault : std::uint8_t { none, incomplete, transient, permanent };
  struct Interview {
    std::string id;
    int stage = 0; // created, published, started, completed, scored
  };
  struct User {
    std::string id;
    bool registered = false, online = false;
    std::vector<Interview> interviews;
    std::vector<std::string> media;
  };
  struct Draft;

  std::uint64_t random(); // splitmix64: the same on every machine, unlike the standard distributions
  std::uint64_t below(std::uint64_t n);
  bool chance(double share);
  std::string name();
  User new_user();

  TrafficRecord garbage(core::Timestamp now);
  TrafficRecord event(core::Timestamp now, Fault fault);
  Draft draft(User& user);
  Draft about_account(User& user);
  Draft about_interviews(User& user);
  Draft about_media(User& user);
  void spoil(Draft& draft);
  [[nodiscard]] std::string write(const Draft& draft, core::Timestamp now);

  TrafficOptions options_;
  std::uint64_t state_, events_ = 0, people_ = 0, things_ = 0;
  std::vector<User> users_;
  std::deque<TrafficRecord> recent_; // what a duplicate repeats
};

} // namespace hostler::cli
