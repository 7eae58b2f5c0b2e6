#define STRUCT_SIZE 16
#include "right.h"
