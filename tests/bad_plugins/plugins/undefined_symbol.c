int nobody_defines_this(void);
#define COUNT ((uint32_t)nobody_defines_this())
#include "right.h"
