/* ext/cancel.h - service "hostler.cancel/1": how long a call of process_batch may still take.
 *
 * Used by handlers that wait or work long; implemented by the host, always offered.
 * Safe from any thread while that process_batch runs, so that a handler's helper threads can look too. */
#ifndef HOSTLER_EXT_CANCEL_H
#define HOSTLER_EXT_CANCEL_H

#include "../host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HOSTLER_EXT_CANCEL "hostler.cancel/1"

/* OWNERSHIP: the host's memory; lives as long as the hostler_host it was asked from. */
typedef struct hostler_host_cancel {
  uint32_t struct_size;
  uint32_t reserved;

  /* Milliseconds until this call must return (`timeout` of the [[handler]]), 0 when that time is over, and 0
   * as soon as the host is stopping hard. Cheap enough to ask once per record. A handler that sees 0 returns
   * HOSTLER_E_CANCELLED, or retry for the records it did not get to. A call that has not returned 2 seconds
   * after its time was over ends the whole host; its records are dead-lettered if that happens again and again.
   * [any-thread & while process_batch runs] */
  int64_t (*remaining_ms)(const hostler_host* host, void* host_batch) HOSTLER_NOEXCEPT;
} hostler_host_cancel;

#ifdef __cplusplus
}
#endif
#endif
