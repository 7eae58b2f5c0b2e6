/* plain_c.so - a handler in plain C99 without the SDK: the whole border in one file.
 *
 *   plain.c   verdict by the value's first byte: 'r' retry, 'x' reject, 'd' drop, anything else done, a
 *             tombstone too. Explains what was not done, counts records and logs the count when a lane ends. */
#include <hostler/ext/log.h>
#include <hostler/ext/verdict.h>
#include <hostler/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) \
  { literal, sizeof(literal) - 1 }

typedef struct plain_handler {
  hostler_handler base;
  const hostler_host* host;
  const hostler_host_log* log;         /* NULL when the host has none */
  const hostler_host_verdict* verdict; /* likewise */
} plain_handler;

typedef struct plain_lane {
  hostler_lane base;
  plain_handler* handler;
  unsigned long long records;
  uint32_t number;
  uint32_t reserved;
} plain_lane;

static const hostler_handler_desc description = {
    sizeof(hostler_handler_desc),
    0,
    TEXT("plain.c"),
    TEXT("0.1.0"),
    TEXT("verdict by the value's first byte"),
    {NULL, 0},
    {NULL, 0},
};

static void fail(hostler_error* error, const char* message) {
  error->code = 0;
  snprintf(error->message, sizeof error->message, "%s", message);
}

/* ---- lane ---- */

static uint8_t judge(hostler_bytes value) {
  if (value.len == 0) return HOSTLER_DONE;
  switch (value.data[0]) {
    case 'r': return HOSTLER_RETRY;
    case 'x': return HOSTLER_REJECT;
    case 'd': return HOSTLER_DROP;
    default: return HOSTLER_DONE;
  }
}

static hostler_status process_batch(hostler_lane* base, const hostler_batch* batch, hostler_error* error) {
  plain_lane* lane = base->plugin_data;
  const plain_handler* handler = lane->handler;
  const hostler_str reason = TEXT("the value's first byte says so"), detail = {NULL, 0};
  uint32_t i;
  (void)error;
  for (i = 0; i < batch->record_count; ++i) {
    const uint8_t verdict = judge(hostler_record_at(batch, i)->value);
    batch->verdicts[i] = verdict;
    if (verdict != HOSTLER_DONE && handler->verdict)
      handler->verdict->explain(handler->host, batch->host_batch, i, verdict, reason, detail, 0);
  }
  lane->records += batch->record_count;
  return HOSTLER_OK;
}

static void destroy_lane(hostler_lane* base) {
  plain_lane* lane = base->plugin_data;
  const plain_handler* handler = lane->handler;
  if (handler->log && handler->log->enabled(handler->host, HOSTLER_LOG_INFO)) {
    char line[80];
    hostler_str text;
    const int length =
        snprintf(line, sizeof line, "lane %u handled %llu records", (unsigned)lane->number, lane->records);
    text.data = line;
    text.len = length > 0 ? (size_t)length : 0;
    handler->log->write(handler->host, HOSTLER_LOG_INFO, text);
  }
  free(lane);
}

/* ---- handler ---- */

static hostler_status start(hostler_handler* base, hostler_error* error) {
  (void)base, (void)error;
  return HOSTLER_OK;
}

static void stop(hostler_handler* base) { (void)base; }

static hostler_lane* create_lane(hostler_handler* base, uint32_t number, hostler_error* error) {
  plain_lane* lane = calloc(1, sizeof *lane);
  if (!lane) return fail(error, "out of memory"), (hostler_lane*)NULL;
  lane->base.struct_size = sizeof lane->base;
  lane->base.plugin_data = lane;
  lane->base.process_batch = process_batch;
  lane->base.destroy = destroy_lane;
  lane->handler = base->plugin_data;
  lane->number = number;
  return &lane->base;
}

static void destroy_handler(hostler_handler* base) { free(base->plugin_data); }

static const void* get_extension(hostler_handler* base, const char* id) {
  (void)base, (void)id;
  return NULL;
}

/* ---- plugin ---- */

static hostler_status module_init(hostler_error* error) {
  (void)error;
  return HOSTLER_OK;
}

static void module_deinit(void) {}

static uint32_t handler_count(void) { return 1; }

static const hostler_handler_desc* handler_at(uint32_t index) { return index == 0 ? &description : NULL; }

static int is_ours(hostler_str id, hostler_error* error) {
  if (id.len == description.id.len && memcmp(id.data, description.id.data, id.len) == 0) return 1;
  fail(error, "this plugin has one handler, \"plain.c\"");
  return 0;
}

static hostler_status validate_config(hostler_str id, hostler_str config, hostler_error* error) {
  (void)config; /* it has no settings */
  return is_ours(id, error) ? HOSTLER_OK : HOSTLER_E_INVALID;
}

static hostler_handler* create(const hostler_host* host, hostler_str id, hostler_str config,
                               hostler_error* error) {
  plain_handler* handler;
  (void)config;
  if (!is_ours(id, error)) return NULL;
  handler = calloc(1, sizeof *handler);
  if (!handler) return fail(error, "out of memory"), (hostler_handler*)NULL;
  handler->base.struct_size = sizeof handler->base;
  handler->base.plugin_data = handler;
  handler->base.start = start;
  handler->base.stop = stop;
  handler->base.create_lane = create_lane;
  handler->base.destroy = destroy_handler;
  handler->base.get_extension = get_extension;
  handler->host = host;
  handler->log = host->get_extension(host, HOSTLER_EXT_LOG);
  handler->verdict = host->get_extension(host, HOSTLER_EXT_VERDICT);
  return &handler->base;
}

static const hostler_plugin plugin = {
    sizeof(hostler_plugin), HOSTLER_ABI_MAJOR, HOSTLER_ABI_MINOR, HOSTLER_ABI_MINOR, 0,      0, module_init,
    module_deinit,          handler_count,     handler_at,        validate_config,   create,
};

const hostler_plugin* hostler_plugin_entry_v1(void) { return &plugin; }
