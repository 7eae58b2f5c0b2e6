// dlopen of a sealed copy, its entry, the version gate: the same steps in the probe and in the host. One thread.
#pragma once

#include <hostler/plugin.h>

#include <functional>

#include "core/result.h"

namespace hostler::plugin {

// How far it has come, for a probe that does not survive the next step: "its static constructors", "its entry".
using Progress = std::function<void(const char* now_running)>;

struct Library {
  // The library is mapped for good, even if `table` is an error: its descriptor must stay open, because glibc knows libraries by
  // name, and a later file under the same number would be taken for this one.
  bool mapped = false;
  core::Result<const hostler_plugin*> table; // the error has reason and mend, without the path
};

// Precondition: `fd` is a file whose ELF tables have been checked.
[[nodiscard]] Library open_library(int fd, const Progress& progress);

} // namespace hostler::plugin
