#define MINOR_REQUIRED (HOSTLER_ABI_MINOR + 5)
#include "right.h"
