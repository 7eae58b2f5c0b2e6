// As throws.cc, with a C++ runtime linked into the plugin and a constructor that may not throw: the process ends at once.
#include <stdexcept>
namespace {
struct Thrower {
  Thrower() noexcept { fail(); }
  static void fail() { throw std::runtime_error("no licence\nfile"); }
};
const Thrower thrower;
} // namespace
#include "right.h"
