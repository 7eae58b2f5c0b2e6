#include <hostler/plugin.h>
#include <stdio.h>
static hostler_status init(hostler_error* error) {
  snprintf(error->message, sizeof error->message, "no licence file");
  return HOSTLER_E_FAILED;
}
#define MODULE_INIT init
#include "right.h"
