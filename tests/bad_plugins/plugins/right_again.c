/* Right too, and another file: installed under the same name as right.so in another folder. */
#define COUNT 2
#include "right.h"
