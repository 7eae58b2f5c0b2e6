// The only place that decides what becomes of a handled record. Pure: time comes in as an argument.
#pragma once

#include "core/disposition.h"
#include "core/host_config.h"
#include "core/record.h"
#include "core/types.h"

namespace hostler::core {

// The retry tier (index into policy.delays) that a record goes to after `failed_attempt` failed, never before
// `not_before`: a later tier is taken where the regular one would be too early. Precondition: delays not empty.
[[nodiscard]] std::uint32_t retry_tier(const RetryPolicy& policy, Attempt failed_attempt, Timestamp now, Timestamp not_before);

// `detail` may be null. The record's own facts come first: what is not for this handler is filtered, invalid ones dead-lettered, whatever
// the verdict says. A verdict of unset counts as retry (a contract error of the handler).
[[nodiscard]] Disposition route(const Record& record, Verdict verdict, const VerdictDetail* detail, const RetryPolicy& policy, Timestamp now);

}  // namespace hostler::core
