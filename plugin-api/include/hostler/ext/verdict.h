/* ext/verdict.h - service "hostler.verdict-detail/1": why a record was not done, in the handler's own words.
 *
 * Used by handlers beside the verdict byte; implemented by the host, always offered.
 * Only inside process_batch, on the lane's thread. Why apart from the verdict: the common case, done, costs
 * no call. */
#ifndef HOSTLER_EXT_VERDICT_H
#define HOSTLER_EXT_VERDICT_H

#include "../host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HOSTLER_EXT_VERDICT "hostler.verdict-detail/1"

/* OWNERSHIP: the host's memory; lives as long as the hostler_host it was asked from. */
typedef struct hostler_host_verdict {
  uint32_t struct_size;
  uint32_t reserved;

  /* Explains the verdict of a record (an index below record_count); does not set it. A second call for a
   * record replaces the first. What the host cannot store whole it cuts at a character's end.
   *   code           the handler's own error code, 0 if none
   *   reason         one line, for the dead letter's error message and the log
   *   detail         several lines (a stack, a validator's report), empty if none
   *   not_before_ms  with verdict retry: not before this time, milliseconds since 1970 UTC, rounded up to the
   *                  next tier; 0: as the tiers are configured
   * HOSTLER_E_INVALID: no such record.
   * OWNERSHIP: copies both texts.
   * [lane & in process_batch] */
  hostler_status (*explain)(const hostler_host* host, void* host_batch, uint32_t record, int32_t code,
                            hostler_str reason, hostler_str detail, int64_t not_before_ms) HOSTLER_NOEXCEPT;
} hostler_host_verdict;

#ifdef __cplusplus
}
#endif
#endif
