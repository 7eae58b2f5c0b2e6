#define CREATE 0
#include "right.h"
