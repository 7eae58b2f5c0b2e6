// The same with a constructor that may not throw: the process ends at once, as with a C++ runtime linked into the plugin.
#include <stdexcept>
namespace {
struct Thrower {
  Thrower() noexcept { fail(); }
  static void fail() { throw std::runtime_error("no licence\nfile"); }
};
const Thrower thrower;
} // namespace
#include "right.h"
