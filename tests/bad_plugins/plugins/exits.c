#include "right.h"
__attribute__((constructor)) static void leave(void) { exit(3); }
