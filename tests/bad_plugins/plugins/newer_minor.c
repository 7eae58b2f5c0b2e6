#define MINOR_BUILT (HOSTLER_ABI_MINOR + 1)
#include "right.h"
