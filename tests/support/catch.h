// Catch2 by one name: version 2 (Debian 12) and version 3 (Debian 13). Include this, never a Catch2 header.
#pragma once

#define CATCH_CONFIG_ENABLE_OPTIONAL_STRINGMAKER
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_string.hpp> // catch_all.hpp would take twice as long
#else
#include <catch2/catch.hpp>
#endif

// What has another name in version 3; tests use these.
#if __has_include(<catch2/catch_all.hpp>)
using Catch::Approx;
#endif
namespace hostler::testing {
#if __has_include(<catch2/catch_all.hpp>)
inline auto contains(const std::string& text) { return Catch::Matchers::ContainsSubstring(text); }
#else
inline auto contains(const std::string& text) { return Catch::Contains(text); }
#endif
} // namespace hostler::testing
