#define COUNT 2
#define SECOND_ID "right.one"
#include "right.h"
