/* With the exit code that means success: nothing may be taken for an answer but an answer. */
#define ENTRY_RETURNS (_exit(0), &table)
#include "right.h"
