/* base.h - the words every other header of the border uses: text, bytes, status, error, and the version of
 * the ABI.
 *
 * Used by plugins (C99 and later, C++11 and later) and by the host; depends on stdint and stddef only.
 * Plain data: every type here may be copied and read from any thread.
 *
 * Thread tags. The last line of every function's comment names one, and means:
 *   [control]     calls are serialised by the host for the whole plugin; any OS thread.
 *   [lane]        never two at a time for one lane; the OS thread may change between calls (see
 *   THREAD_AFFINE, handler.h).
 *   [any-thread]  any number at a time, from any thread, between the handler's create and the end of its
 *   destroy. */
#ifndef HOSTLER_BASE_H
#define HOSTLER_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* noexcept is part of a function pointer's type from C++17 on: a handler that may throw does not compile
 * without a wrapper.
 * Why so strict: an exception that reaches the host ends the process, and no catch in the host can prevent
 * that. */
#if defined(__cplusplus) && __cplusplus >= 201703L
#define HOSTLER_NOEXCEPT noexcept
#else
#define HOSTLER_NOEXCEPT
#endif

/* For the plugin's one exported symbol, hostler_plugin_entry_v1. Build with -fvisibility=hidden and the
 * version script. */
#define HOSTLER_EXPORT __attribute__((visibility("default")))

/* The ABI these headers describe. While major is 0 plugin and host must have the same minor; see the README's
 * "Versions". */
#define HOSTLER_ABI_MAJOR 0u
#define HOSTLER_ABI_MINOR 1u

/* Structs grow at their end only. Before reading a member that a later minor added, ask whether the peer's
 * struct is long enough to hold it. p points to a struct that begins with struct_size. */
#ifdef __cplusplus
#define HOSTLER_MEMBER_END(T, m) (offsetof(T, m) + sizeof(T::m))
#define HOSTLER_CAST(T, x) static_cast<T>(x) /* for these headers' own use: silent under -Wold-style-cast */
#else
#define HOSTLER_MEMBER_END(T, m) (offsetof(T, m) + sizeof(((T*)0)->m))
#define HOSTLER_CAST(T, x) ((T)(x))
#endif
#define HOSTLER_HAS(p, T, m) ((p)->struct_size >= HOSTLER_MEMBER_END(T, m))
/* Records carry no size of their own: their batch's stride says how long they are. */
#define HOSTLER_RECORD_HAS(batch, m) ((batch)->record_stride >= HOSTLER_MEMBER_END(hostler_record, m))

/* Text: UTF-8, len bytes, no terminating NUL, no alignment, nothing readable behind it. Empty is len == 0,
 * data may be NULL then.
 * Text that came from Kafka (a topic, an event id) is as the producer wrote it and may hold any byte.
 * OWNERSHIP: borrowed. What a call receives is valid until that call returns, unless its comment says longer;
 * who needs it afterwards copies it. Nothing is ever freed across the border. */
typedef struct hostler_str {
  const char* data;
  size_t len;
} hostler_str;

/* Bytes: len bytes, any content, no alignment, nothing readable behind them.
 * data == NULL is Kafka's null (a value that is null is a tombstone); data != NULL with len == 0 is empty.
 * The two differ.
 * OWNERSHIP: borrowed, as hostler_str. */
typedef struct hostler_bytes {
  const uint8_t* data;
  size_t len;
} hostler_bytes;

/* What a call answers: HOSTLER_OK or one of the negative codes. Fixed width, never a C enum: a value that you
 * do not know is legal and means failure. */
typedef int32_t hostler_status;

enum {
  HOSTLER_OK = 0,
  HOSTLER_E_INVALID = -1, /* the caller's mistake: a bad argument, an unknown id, a call at the wrong time */
  HOSTLER_E_UNSUPPORTED = -2, /* this host (or this configuration) does not offer that */
  HOSTLER_E_FAILED = -3,      /* it was tried and failed; the message says why */
  HOSTLER_E_UNAVAILABLE =
      -4, /* something needed is down; as an answer of process_batch: pause intake, spend no attempt */
  HOSTLER_E_TX_ABORTED = -5,  /* the batch's database transaction is lost: return at once with this status */
  HOSTLER_E_CANCELLED = -6,   /* the time is over or the host is stopping: return at once */
  HOSTLER_E_WOULD_BLOCK = -7, /* a buffer is full; reserved for services to come */
  HOSTLER_E_FATAL = -8        /* this handler cannot go on; the host stops it and says so */
};

/* Why something failed. The callee writes it only when it fails.
 * OWNERSHIP: the caller's memory, text inline, so that nobody has to free it and no "last error" is shared
 * between threads. */
typedef struct hostler_error {
  uint32_t struct_size; /* set by the caller: sizeof(hostler_error); the callee writes not beyond it */
  int32_t code;         /* the handler's own code, 0 if none; it goes into the dead letter */
  char message[248];    /* UTF-8, NUL-terminated, at most 247 bytes; longer text is cut between characters */
} hostler_error;

#ifdef __cplusplus
}
#endif
#endif
