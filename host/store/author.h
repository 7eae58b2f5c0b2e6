// Whose statement failed: a missing table is a handler's fault in its own SQL (breaker), and an outage in the ledger's (not migrated).
// Private to store/.
#pragma once

#include <cstdint>

namespace hostler::store {

enum class Author : std::uint8_t { handler, ledger };

}  // namespace hostler::store
