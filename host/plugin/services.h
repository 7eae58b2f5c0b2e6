// The host's services as a plugin finds them: one static table per extension. See plugin-api/include/hostler/ext/.
#pragma once

#include <hostler/host.h>

namespace hostler::plugin {

// hostler_host::get_extension. Null for an unknown id, and for sql where the handler has no ledger. [any-thread]
const void* find_service(const hostler_host* host, const char* id) noexcept;

}  // namespace hostler::plugin
