/* my-plugin: keeps the latest value of each key in the table my_plugin. */
#include <hostler/ext/sql.h>
#include <hostler/ext/verdict.h>
#include <hostler/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(literal) \
  { literal, sizeof(literal) - 1 }

typedef struct my_handler {
  hostler_handler base;
  const hostler_host* host;
  const hostler_host_sql* sql;
  const hostler_host_verdict* verdict; /* NULL when the host has none */
} my_handler;

static const hostler_handler_desc description = {sizeof(hostler_handler_desc),
                                                 HOSTLER_HANDLER_ENQUEUES,
                                                 TEXT("my-plugin.events"),
                                                 TEXT("0.1.0"),
                                                 TEXT("keeps the latest value of each key"),
                                                 {NULL, 0},
                                                 {NULL, 0}};

static void fail(hostler_error* error, const char* why) {
  snprintf(error->message, sizeof error->message, "%s", why);
}

/* What one record becomes. Several lanes call it at once. */
static uint8_t handle(const my_handler* self, const hostler_batch* batch, uint32_t index) {
  static const char text[] =
      "INSERT INTO my_plugin(key, value, updated_at) VALUES ($1, $2, $3) "
      "ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at "
      "WHERE my_plugin.updated_at <= excluded.updated_at"; /* a retried record may come after a newer one */
  const hostler_str sql = {text, sizeof text - 1}, no_key = TEXT("no key"), none = {NULL, 0};
  const hostler_record* record = hostler_record_at(batch, index);
  hostler_sql_value values[3];
  if (record->key.len == 0) {
    if (self->verdict) self->verdict->explain(self->host, batch->host_batch, index, 0, no_key, none, 0);
    return HOSTLER_REJECT;
  }
  memset(values, 0, sizeof values);
  values[0].type = HOSTLER_SQL_TEXT;
  values[0].as.b = record->key;
  values[1].type = HOSTLER_SQL_TEXT;
  values[1].as.b = record->value;
  values[2].type = HOSTLER_SQL_TIMESTAMP_US;
  values[2].as.i = record->timestamp_ms * 1000;
  /* Kept with the record, and sent only if it is done. */
  return self->sql->enqueue(self->host, batch->host_batch, index, sql, values, 3) == HOSTLER_OK
             ? HOSTLER_DONE
             : HOSTLER_RETRY;
}

static hostler_status process_batch(hostler_lane* lane, const hostler_batch* batch, hostler_error* error) {
  uint32_t i;
  (void)error;
  for (i = 0; i < batch->record_count; ++i)
    batch->verdicts[i] = handle((const my_handler*)lane->plugin_data, batch, i);
  return HOSTLER_OK;
}

static void destroy_lane(hostler_lane* lane) { free(lane); }

static hostler_lane* create_lane(hostler_handler* handler, uint32_t number, hostler_error* error) {
  hostler_lane* lane = calloc(1, sizeof *lane);
  (void)number;
  if (lane == NULL) return fail(error, "out of memory"), (hostler_lane*)NULL;
  lane->struct_size = sizeof *lane;
  lane->plugin_data = handler->plugin_data;
  lane->process_batch = process_batch;
  lane->destroy = destroy_lane;
  return lane;
}

static void destroy(hostler_handler* handler) { free(handler->plugin_data); }

static uint32_t handler_count(void) { return 1; }
static const hostler_handler_desc* handler_at(uint32_t index) { return index == 0 ? &description : NULL; }

static hostler_handler* create(const hostler_host* host, hostler_str id, hostler_str config,
                               hostler_error* error) {
  my_handler* self;
  (void)id;     /* there is one handler */
  (void)config; /* it has no settings */
  self = calloc(1, sizeof *self);
  if (self == NULL) return fail(error, "out of memory"), (hostler_handler*)NULL;
  self->host = host;
  self->sql = host->get_extension(host, HOSTLER_EXT_SQL);
  self->verdict = host->get_extension(host, HOSTLER_EXT_VERDICT);
  if (self->sql == NULL)
    return fail(error, "it writes SQL and needs a ledger"), free(self), (hostler_handler*)NULL;
  self->base.struct_size = sizeof self->base;
  self->base.plugin_data = self;
  self->base.create_lane = create_lane;
  self->base.destroy = destroy;
  return &self->base;
}

static const hostler_plugin plugin = {sizeof(hostler_plugin),
                                      HOSTLER_ABI_MAJOR,
                                      HOSTLER_ABI_MINOR,
                                      HOSTLER_ABI_MINOR,
                                      0,
                                      0,
                                      NULL,
                                      NULL,
                                      handler_count,
                                      handler_at,
                                      NULL,
                                      create};

const hostler_plugin* hostler_plugin_entry_v1(void) { return &plugin; }
