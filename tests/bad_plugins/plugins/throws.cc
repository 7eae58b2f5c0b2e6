#include <stdexcept>
namespace {
struct Thrower {
  Thrower() { throw std::runtime_error("no licence\nfile"); }
};
const Thrower thrower;
} // namespace
#include "right.h"
