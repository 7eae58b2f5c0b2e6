int gone(void);
#define COUNT ((uint32_t)gone())
#include "right.h"
