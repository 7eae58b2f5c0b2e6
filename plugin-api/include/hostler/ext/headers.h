/* ext/headers.h - service "hostler.headers/1": the headers of a record, read only when asked for.
 *
 * Used by handlers; implemented by the host, always offered. Only inside process_batch, on the lane's thread.
 * Why they are not in hostler_record: parsing two headers of every record costs a third of the fetch rate. */
#ifndef HOSTLER_EXT_HEADERS_H
#define HOSTLER_EXT_HEADERS_H

#include "../host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HOSTLER_EXT_HEADERS "hostler.headers/1"

/* One header. Names may repeat; their order is the producer's. Frozen: arrays of it have no stride.
 * OWNERSHIP: borrowed, from whoever made the array. */
typedef struct hostler_header {
  hostler_str name;
  hostler_bytes value; /* data NULL: a null header */
} hostler_header;

/* OWNERSHIP: the host's memory; lives as long as the hostler_host it was asked from. */
typedef struct hostler_host_headers {
  uint32_t struct_size;
  uint32_t reserved;

  /* The headers of a record (an index below record_count), in *headers and *count; count 0 when it has none.
   * The host's own hostler-... headers of a retried record are not among them. HOSTLER_E_INVALID: no such
   * record.
   * OWNERSHIP: the array and all in it are the host's and valid until process_batch returns.
   * [lane & in process_batch] */
  hostler_status (*get)(const hostler_host* host, void* host_batch, uint32_t record,
                        const hostler_header** headers, uint32_t* count) HOSTLER_NOEXCEPT;
} hostler_host_headers;

#ifdef __cplusplus
}
#endif
#endif
