/* ext/publish.h - service "hostler.publish/1": messages to Kafka as an effect of a record.
 *
 * Used by handlers; implemented by the host with an idempotent producer, acks all.
 * Only inside process_batch, on the lane's thread: a message belongs to a record of that batch. */
#ifndef HOSTLER_EXT_PUBLISH_H
#define HOSTLER_EXT_PUBLISH_H

#include "../host.h"
#include "headers.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HOSTLER_EXT_PUBLISH "hostler.publish/1"

/* hostler_message.flags */
enum {
  HOSTLER_MESSAGE_NO_WAIT =
      1u << 0 /* fire and forget: the record settles without waiting for the delivery report */
};

/* What to produce. Set struct_size and zero the rest first, then what is needed: partition -1, topic, value.
 * OWNERSHIP: the caller's, borrowed for the call. */
typedef struct hostler_message {
  uint32_t struct_size; /* sizeof(hostler_message) */
  int32_t partition;    /* -1: by key */
  hostler_str topic;
  hostler_str profile; /* producer profile of the configuration, empty for the default */
  hostler_bytes key;   /* data NULL: no key */
  hostler_bytes value; /* data NULL: a tombstone */
  const hostler_header* headers;
  int64_t timestamp_ms; /* milliseconds since 1970 UTC; 0: now */
  uint32_t header_count;
  uint32_t flags; /* HOSTLER_MESSAGE_... */
} hostler_message;

/* OWNERSHIP: the host's memory; lives as long as the hostler_host it was asked from. */
typedef struct hostler_host_publish {
  uint32_t struct_size;
  uint32_t reserved;

  /* Keeps the message with its record (an index below record_count); it is produced when the record settles
   * as done, and its delivery report is awaited before the offset is committed (unless NO_WAIT). A record
   * with another verdict publishes nothing.
   * At least once: after a crash the same message may be produced again. In a handler configured with
   * effects = "kafka" exactly once for readers of committed records, and awaited in any case. HOSTLER_E_INVALID: no such record,
   * a topic that cannot be (1 to 249 of a-z A-Z 0-9 . _ -), an unknown profile.
   * OWNERSHIP: copies everything.
   * [lane & in process_batch] */
  hostler_status (*publish)(const hostler_host* host, void* host_batch, uint32_t record,
                            const hostler_message* message) HOSTLER_NOEXCEPT;
} hostler_host_publish;

#ifdef __cplusplus
}
#endif
#endif
