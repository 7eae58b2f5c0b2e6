#include <hostler/plugin.h>
#include <stdio.h>
static hostler_handler* refuse(const hostler_host* host, hostler_str id, hostler_str config, hostler_error* error) {
  (void)host;
  (void)id;
  (void)config;
  snprintf(error->message, sizeof error->message, "the disk is full");
  return 0;
}
#define CREATE refuse
#include "right.h"
