// Catch2 by one name: version 2 (Debian 12) and version 3 (Debian 13). Include this, never a Catch2 header.
#pragma once

#define CATCH_CONFIG_ENABLE_OPTIONAL_STRINGMAKER
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

// Matchers have other names in version 3; tests use these.
namespace hostler::testing {
#if __has_include(<catch2/catch_all.hpp>)
inline auto contains(const std::string& text) { return Catch::Matchers::ContainsSubstring(text); }
#else
inline auto contains(const std::string& text) { return Catch::Contains(text); }
#endif
} // namespace hostler::testing
