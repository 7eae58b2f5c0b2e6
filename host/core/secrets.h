// Hides passwords in what is shown to people. Thread-safety: pure.
#pragma once

#include <string>

namespace hostler::core {

// A URL with its password masked: the one before '@' and the one after "password=". Text without either is left alone.
[[nodiscard]] std::string masked_url(const std::string& url);

}  // namespace hostler::core
