// The tables that the dynamic loader follows without a look at where they lead: relocations and symbol versions. Private to plugin/.
// Thread-safety: pure.
#pragma once

#include "core/result.h"
#include "plugin/elf_image.h"

namespace hostler::plugin {

// They lead to places inside of the library. The error has reason and mend, without the path.
[[nodiscard]] core::Status<> check_links(const ElfImage& image);

} // namespace hostler::plugin
