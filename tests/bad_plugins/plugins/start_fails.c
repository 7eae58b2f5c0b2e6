#include <hostler/plugin.h>
#include <stdio.h>
static hostler_status refuse(hostler_handler* handler, hostler_error* error) {
  (void)handler;
  snprintf(error->message, sizeof error->message, "the port is taken");
  return HOSTLER_E_FAILED;
}
#define START refuse
#include "right.h"
