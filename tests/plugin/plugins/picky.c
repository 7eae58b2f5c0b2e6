/* A plugin whose handlers go wrong as their configuration tells them to. */
#include <hostler/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STR(text) {text, sizeof(text) - 1}

static void say(hostler_error *error, const char *text) { snprintf(error->message, sizeof error->message, "%s", text); }

/* [handler.config] names what goes wrong. */
static int has(hostler_str config, const char *word) {
  size_t n = strlen(word);
  for (size_t i = 0; i + n <= config.len; ++i)
    if (memcmp(config.data + i, word, n) == 0) return 1;
  return 0;
}

static hostler_status process(hostler_lane *lane, const hostler_batch *batch, hostler_error *error) {
  (void)error;
  for (uint32_t i = 0; i < batch->record_count; ++i) batch->verdicts[i] = lane->plugin_data != NULL ? 99 : HOSTLER_UNSET;
  return HOSTLER_OK;
}
static void destroy_lane(hostler_lane *lane) { free(lane); }

struct state {
  hostler_handler handler;
  int start_fails, lane_fails, unknown_verdict;
};

static hostler_status start(hostler_handler *handler, hostler_error *error) {
  if (((struct state *)handler->plugin_data)->start_fails) {
    say(error, "the port is taken");
    return HOSTLER_E_FAILED;
  }
  return HOSTLER_OK;
}
static hostler_lane *create_lane(hostler_handler *handler, uint32_t index, hostler_error *error) {
  struct state *s = handler->plugin_data;
  (void)index;
  if (s->lane_fails) {
    say(error, "no more lanes");
    return NULL;
  }
  hostler_lane *lane = calloc(1, sizeof *lane);
  lane->struct_size = sizeof *lane;
  lane->plugin_data = s->unknown_verdict ? s : NULL;
  lane->process_batch = process;
  lane->destroy = destroy_lane;
  return lane;
}
static void destroy(hostler_handler *handler) { free(handler->plugin_data); }

static hostler_status validate(hostler_str id, hostler_str config, hostler_error *error) {
  (void)id;
  if (!has(config, "refused")) return HOSTLER_OK;
  say(error, "key 'refused' is not known");
  return HOSTLER_E_INVALID;
}
static hostler_handler *create(const hostler_host *host, hostler_str id, hostler_str config, hostler_error *error) {
  (void)host;
  (void)id;
  if (has(config, "create-fails")) {
    say(error, "cannot make it");
    return NULL;
  }
  struct state *s = calloc(1, sizeof *s);
  s->start_fails = has(config, "start-fails");
  s->lane_fails = has(config, "lane-fails");
  s->unknown_verdict = has(config, "unknown-verdict");
  s->handler.struct_size = sizeof s->handler;
  s->handler.plugin_data = s;
  s->handler.start = start;
  s->handler.create_lane = create_lane;
  s->handler.destroy = destroy;
  return &s->handler;
}

static const hostler_handler_desc descs[] = {
    {sizeof(hostler_handler_desc), HOSTLER_HANDLER_SINGLE_LANE, STR("picky.single"), STR("1"), STR(""), STR(""), STR("")},
    {sizeof(hostler_handler_desc), HOSTLER_HANDLER_ENQUEUES, STR("picky.sql"), STR("1"), STR(""), STR(""), STR("")}};
static uint32_t count(void) { return 2; }
static const hostler_handler_desc *at(uint32_t i) { return i < 2 ? &descs[i] : NULL; }

static const hostler_plugin table = {
    sizeof(hostler_plugin), HOSTLER_ABI_MAJOR, HOSTLER_ABI_MINOR, HOSTLER_ABI_MINOR, 0, 0, NULL, NULL, count, at, validate, create};

const hostler_plugin *hostler_plugin_entry_v1(void) { return &table; }
