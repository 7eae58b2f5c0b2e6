/* Built without the version script. */
#include "right.h"
int shared_counter = 1;
