// Text that any database takes. Private to store/. Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace hostler::store {

// At most `bytes` of `text`, cut between characters; NUL bytes and what is not UTF-8 become '?'. For texts that only inform.
[[nodiscard]] std::string plain_text(std::string_view text, std::size_t bytes);

}  // namespace hostler::store
