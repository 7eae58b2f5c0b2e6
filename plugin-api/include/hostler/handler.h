/* handler.h - what a plugin implements: a description, a handler per [[handler]] of the configuration, a lane
 * per thread.
 *
 * Written by plugin authors (the C++ SDK does it for them), called by the host.
 *
 *   create -> start -> create_lane* -> process_batch* -> lane.destroy* -> stop -> destroy
 *
 * A failed create leaves nothing behind. A failed start is followed by exactly one destroy, and no stop.
 * Handlers and lanes are made and destroyed by [control] calls; only process_batch runs on the lanes, several
 * lanes at the same time. */
#ifndef HOSTLER_HANDLER_H
#define HOSTLER_HANDLER_H

#include "base.h"
#include "record.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A lane handles batches one at a time. Caches and connections that must not be shared live here.
 * OWNERSHIP: the plugin's memory, made by create_lane, given back to the plugin by destroy. */
typedef struct hostler_lane hostler_lane;
struct hostler_lane {
  uint32_t struct_size; /* sizeof(hostler_lane), set by the plugin */
  uint32_t reserved;    /* 0 */
  void* plugin_data;    /* the plugin's own; the host does not touch it */

  /* Handles one batch: writes a verdict for every record, answers HOSTLER_OK. Any other status voids all
   * verdicts: the host rolls back and narrows the batch down (halves) until the guilty records stand alone,
   * which then get the verdict retry.
   * HOSTLER_E_UNAVAILABLE instead pauses intake and spends no attempt.
   * OWNERSHIP: the batch is borrowed until the call returns; the error is the caller's, written only on
   * failure.
   * [lane] */
  hostler_status (*process_batch)(hostler_lane* lane, const hostler_batch* batch,
                                  hostler_error* error) HOSTLER_NOEXCEPT;

  /* Frees the lane. Called once, when no process_batch runs; its handler still lives and is started.
   * OWNERSHIP: the lane passes back to the plugin.
   * [control] */
  void (*destroy)(hostler_lane* lane) HOSTLER_NOEXCEPT;
};

/* A configured handler, one per [[handler]] in the TOML. Parsed configuration, pools and caches shared by its
 * lanes live here.
 * OWNERSHIP: the plugin's memory, made by create, given back to the plugin by destroy. */
typedef struct hostler_handler hostler_handler;
struct hostler_handler {
  uint32_t struct_size; /* sizeof(hostler_handler), set by the plugin */
  uint32_t reserved;    /* 0 */
  void* plugin_data;    /* the plugin's own; the host does not touch it */

  /* Begins work: connections, background threads. May be NULL when there is nothing to do.
   * [control] */
  hostler_status (*start)(hostler_handler* handler, hostler_error* error) HOSTLER_NOEXCEPT;

  /* Ends what start began; returns when no thread of the plugin uses the host any more. May be NULL. Lanes
   * are gone by then.
   * [control] */
  void (*stop)(hostler_handler* handler) HOSTLER_NOEXCEPT;

  /* A new lane; lane counts from 0 to the configured number of lanes minus 1 and may come again after its
   * destroy. NULL and the error on failure.
   * OWNERSHIP: the lane is the plugin's until the host calls its destroy; it must not outlive the handler.
   * [control & started] */
  hostler_lane* (*create_lane)(hostler_handler* handler, uint32_t lane, hostler_error* error)HOSTLER_NOEXCEPT;

  /* Frees the handler; after it nothing of this handler is called any more and its hostler_host is gone.
   * OWNERSHIP: the handler passes back to the plugin.
   * [control & stopped] */
  void (*destroy)(hostler_handler* handler) HOSTLER_NOEXCEPT;

  /* For what later versions may ask of a handler; answer NULL to every id that you do not know. May be NULL.
   * OWNERSHIP: the table is the plugin's and lives as long as the handler.
   * [any-thread] */
  const void* (*get_extension)(hostler_handler* handler, const char* id)HOSTLER_NOEXCEPT;
};

/* hostler_handler_desc.flags: what the handler does, so that the host gives it that and nothing slower. A
 * service whose flag is missing may refuse with HOSTLER_E_UNSUPPORTED. */
enum {
  HOSTLER_HANDLER_ENQUEUES =
      1u << 0,                       /* uses sql.enqueue: needs a ledger, no open transaction while it runs */
  HOSTLER_HANDLER_QUERIES = 1u << 1, /* uses sql.query: a transaction is open while it runs */
  /* Does what the host cannot undo (HTTP, mail): it uses event_id as idempotency key, and may be called
   * log2(n)+2 times for one delivery when a batch is narrowed down. */
  HOSTLER_HANDLER_EXTERNAL_EFFECTS = 1u << 2,
  HOSTLER_HANDLER_SINGLE_LANE = 1u << 3, /* never more than one lane */
  /* create_lane, process_batch and destroy of a lane run on one OS thread, the lane's. */
  HOSTLER_HANDLER_THREAD_AFFINE = 1u << 4
};

/* What a plugin says about one of its handlers.
 * OWNERSHIP: the plugin's static memory, constant as long as the library is mapped. */
typedef struct hostler_handler_desc {
  uint32_t struct_size;      /* sizeof(hostler_handler_desc) */
  uint32_t flags;            /* HOSTLER_HANDLER_... */
  hostler_str id;            /* reverse DNS or dotted, stable: "interview.user-events" */
  hostler_str version;       /* of the handler, for people */
  hostler_str description;   /* one line, for people */
  hostler_str config_schema; /* JSON Schema (draft 7) of [handler.config], empty if none; `check` uses it */
  hostler_str event_types;   /* comma separated; empty means all; others are counted as filtered */
} hostler_handler_desc;

#ifdef __cplusplus
}
#endif
#endif
