/* A plugin that is right in everything. Each file beside this one defines the one thing that is wrong in it and includes this. */
#include <hostler/plugin.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef STRUCT_SIZE
#define STRUCT_SIZE sizeof(hostler_plugin)
#endif
#ifndef MAJOR
#define MAJOR HOSTLER_ABI_MAJOR
#endif
#ifndef MINOR_BUILT
#define MINOR_BUILT HOSTLER_ABI_MINOR
#endif
#ifndef MINOR_REQUIRED
#define MINOR_REQUIRED HOSTLER_ABI_MINOR
#endif
#ifndef MODULE_INIT
#define MODULE_INIT 0
#endif
#ifndef START
#define START 0
#endif
#ifndef CREATE_LANE
#define CREATE_LANE create_lane
#endif
#ifndef COUNT
#define COUNT 1
#endif
#ifndef SECOND_ID
#define SECOND_ID "right.two"
#endif
#define TEXT(literal) {literal, sizeof(literal) - 1}

typedef struct right_handler {
  hostler_handler base;
} right_handler;

static hostler_status process(hostler_lane* lane, const hostler_batch* batch, hostler_error* error) HOSTLER_NOEXCEPT {
  uint32_t i;
  (void)lane;
  (void)error;
  for (i = 0; i < batch->record_count; ++i) batch->verdicts[i] = HOSTLER_DONE;
  return HOSTLER_OK;
}
static void destroy_lane(hostler_lane* lane) HOSTLER_NOEXCEPT { free(lane); }
static hostler_lane* create_lane(hostler_handler* handler, uint32_t number, hostler_error* error) HOSTLER_NOEXCEPT {
  hostler_lane* lane = (hostler_lane*)calloc(1, sizeof(hostler_lane));
  (void)handler;
  (void)number;
  (void)error;
  lane->struct_size = sizeof(hostler_lane);
  lane->process_batch = process;
  lane->destroy = destroy_lane;
  return lane;
}
static void destroy(hostler_handler* handler) HOSTLER_NOEXCEPT { free(handler); }

#ifndef CREATE
#define CREATE create
static hostler_handler* create(const hostler_host* host, hostler_str id, hostler_str config, hostler_error* error) HOSTLER_NOEXCEPT {
  right_handler* made = (right_handler*)calloc(1, sizeof(right_handler));
  (void)host;
  (void)id;
  (void)config;
  (void)error;
  made->base.struct_size = sizeof(hostler_handler);
  made->base.start = START;
  made->base.create_lane = CREATE_LANE;
  made->base.destroy = destroy;
  return &made->base;
}
#endif

static const hostler_handler_desc descriptions[] = {
    {sizeof(hostler_handler_desc), HOSTLER_HANDLER_EXTERNAL_EFFECTS, TEXT("right.one"), TEXT("1.2.3"), TEXT("does nothing, well"),
     TEXT("{\"type\": \"object\"}"), TEXT("a,b")},
    {sizeof(hostler_handler_desc), 0, TEXT(SECOND_ID), TEXT("1"), TEXT(""), TEXT(""), TEXT("")}};
static uint32_t handler_count(void) HOSTLER_NOEXCEPT { return COUNT; }
#ifndef HANDLER_AT
#define HANDLER_AT handler_at
static const hostler_handler_desc* handler_at(uint32_t i) HOSTLER_NOEXCEPT { return i < COUNT ? &descriptions[i] : 0; }
#endif

static const hostler_plugin table = {STRUCT_SIZE, MAJOR, MINOR_BUILT, MINOR_REQUIRED, 0, 0, MODULE_INIT, 0, handler_count, HANDLER_AT, 0, CREATE};

#ifndef ENTRY_RETURNS
#define ENTRY_RETURNS &table
#endif
#ifdef __cplusplus
extern "C"
#endif
const hostler_plugin* hostler_plugin_entry_v1(void) HOSTLER_NOEXCEPT { return ENTRY_RETURNS; }
