#include "right.h"
__attribute__((constructor)) static void fall(void) { raise(SIGSEGV); }
