#include "right.h"
__attribute__((destructor)) static void fall(void) { raise(SIGSEGV); }
