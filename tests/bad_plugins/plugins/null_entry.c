#define ENTRY_RETURNS 0
#include "right.h"
