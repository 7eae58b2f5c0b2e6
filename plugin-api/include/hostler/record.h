/* record.h - what a handler is given: a batch of records and a byte per record for its verdict.
 *
 * Used by every handler. Read-only for the plugin except the verdict bytes.
 * Owned by the host and valid on the lane's thread until process_batch returns; do not keep pointers into
 * it. */
#ifndef HOSTLER_RECORD_H
#define HOSTLER_RECORD_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Verdicts, one uint8_t per record; the numbers never change. 5..15 are reserved (5 is meant for "pending").
 * What the host then does with the record (its disposition: retry tier, dead letter, ...) is
 * configuration. */
enum {
  HOSTLER_UNSET =
      0, /* what the host fills in first; left so after HOSTLER_OK it is a contract error, handled as retry */
  HOSTLER_DONE =
      1, /* handled: its enqueued SQL and published messages become real, then its offset is committed */
  HOSTLER_RETRY =
      2, /* did not work now, may work later: the next retry tier, the dead letters after the last one */
  HOSTLER_REJECT = 3, /* never will work: to the dead letters now */
  HOSTLER_DROP = 4    /* not wanted: forgotten with a log line and a counter */
};

/* hostler_record.timestamp_type */
enum { HOSTLER_TIMESTAMP_NONE = -1, HOSTLER_TIMESTAMP_CREATE = 0, HOSTLER_TIMESTAMP_LOG_APPEND = 1 };

/* One Kafka record. Whatever topic it was read from (the source topic or a retry topic), it shows its origin:
 * the first topic, partition and offset, which never change.
 * Append-only: a newer host's records are longer. Walk them with hostler_record_at, never with records[i]. */
typedef struct hostler_record {
  hostler_bytes key;   /* data NULL: no key; empty keys, NUL bytes, any encoding come through as they are */
  hostler_bytes value; /* data NULL: a tombstone */
  hostler_str topic;   /* origin topic; never a retry topic */
  int64_t offset;      /* origin offset, 0 or more */
  int64_t
      timestamp_ms; /* origin timestamp, milliseconds since 1970 UTC; meaningless when timestamp_type is -1 */
  int64_t first_seen_ms;  /* when a host first handled this record, milliseconds since 1970 UTC */
  int32_t partition;      /* origin partition, 0 or more */
  int32_t timestamp_type; /* HOSTLER_TIMESTAMP_... */
  int32_t leader_epoch;   /* of the origin; -1 unknown */
  uint32_t attempt;       /* 1 on first delivery, 2 on the first retry, ... */
  hostler_str event_id; /* as the configuration finds it; the idempotency key for effects outside the host */
  hostler_str event_type; /* empty if the configuration names none */
} hostler_record;

/* The records of one call: one delivery partition, in order of delivery.
 * OWNERSHIP: all of it is the host's and valid until process_batch returns. */
typedef struct hostler_batch {
  uint32_t struct_size;
  uint32_t record_stride; /* bytes from one record to the next; at least the size that 1.0 knows */
  const hostler_record* records;
  uint8_t* verdicts;          /* record_count bytes, prefilled HOSTLER_UNSET; the plugin writes them */
  void* host_batch;           /* opaque; hand it back to services, only while this call runs */
  hostler_str delivery_topic; /* where the records were read from: source or retry topic */
  int32_t delivery_partition;
  uint32_t record_count; /* 1 or more */
} hostler_batch;

/* The i-th record of a batch, i < record_count.
 * OWNERSHIP: borrowed from the batch.
 * [lane & in process_batch] */
static inline const hostler_record* hostler_record_at(const hostler_batch* batch,
                                                      uint32_t i) HOSTLER_NOEXCEPT {
  /* by way of void: the stride keeps every record aligned, which the compiler cannot know */
  const uint8_t* first = HOSTLER_CAST(const uint8_t*, HOSTLER_CAST(const void*, batch->records));
  return HOSTLER_CAST(const hostler_record*,
                      HOSTLER_CAST(const void*, first + HOSTLER_CAST(size_t, i) * batch->record_stride));
}

#ifdef __cplusplus
}
#endif
#endif
