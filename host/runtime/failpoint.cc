// Alone in this file, so that a program with a failpoint() of its own does not link this one.
#include "runtime/failpoint.h"

namespace hostler::runtime {

bool failpoint(const char* /*name*/) { return false; }

}  // namespace hostler::runtime
