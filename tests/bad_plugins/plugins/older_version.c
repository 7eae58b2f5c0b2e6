/* While the major is 0 there is no older one: an older minor stands for it, and is refused likewise. */
#define MINOR_BUILT (HOSTLER_ABI_MINOR - 1)
#include "right.h"
