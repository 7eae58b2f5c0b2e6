#define MAJOR (HOSTLER_ABI_MAJOR + 7)
#include "right.h"
