#define COUNT 0
#define HANDLER_AT no_handler
#include <hostler/plugin.h>
static const hostler_handler_desc* no_handler(uint32_t i) {
  (void)i;
  return 0;
}
#include "right.h"
