/* Nothing is wrong here: the files beside it differ from this one. */
#include "right.h"
