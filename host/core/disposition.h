// What the plugin says (verdict) and what the host does with a record (disposition). Values only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/record.h"
#include "core/types.h"

namespace hostler::core {

// The plugin border's verdict byte (hostler/record.h); never renumbered.
enum class Verdict : std::uint8_t { unset = 0, done = 1, retry = 2, reject = 3, drop = 4 };

// What a handler adds to a verdict that is not done (hostler.verdict-detail/1), or the host on its behalf.
struct VerdictDetail {
  std::int32_t code = 0;
  std::string reason;         // goes to hostler-error-message
  std::string detail;         // what a handler has instead of a stack; bounded
  Timestamp not_before{};     // rounds up to the next tier; epoch 0: as soon as the tier allows
};

// Every consumed offset ends as exactly one of these; each is counted and durable before the offset is committed.
enum class Outcome : std::uint8_t { done, duplicate, retry, dead, drop, filtered };
inline constexpr std::size_t outcome_count = 6;
[[nodiscard]] std::string_view to_text(Outcome outcome);

struct Disposition {
  Outcome outcome = Outcome::done;
  DeadReason reason = DeadReason::none;  // of a dead letter
  bool store_record = false;             // dead letter that fits no topic: the ledger row keeps the record
  std::uint32_t tier = 0;                // index of the retry tier to publish to
  Step step;                             // of the new ledger row: retry and dead
  Attempt attempt;                       // the one that comes next (retry), or was reached (dead)
  Timestamp due{};                       // retry: earliest next delivery, as far as is known before publishing; dead: when it died
};

}  // namespace hostler::core
