#include <hostler/plugin.h>
#include <stdio.h>
static hostler_lane* refuse(hostler_handler* handler, uint32_t number, hostler_error* error) {
  (void)handler;
  snprintf(error->message, sizeof error->message, "no memory for lane %u", (unsigned)number);
  return 0;
}
#define CREATE_LANE refuse
#include "right.h"
