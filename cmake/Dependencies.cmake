# Finds the libraries the host is built on; every one is Debian's package. Plugins need none of them.
include_guard(GLOBAL)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(rdkafka REQUIRED IMPORTED_TARGET rdkafka)     # Debian ships no CMake config
pkg_check_modules(libpq REQUIRED IMPORTED_TARGET libpq)         # FindPostgreSQL may ask for the server's headers
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(simdjson REQUIRED IMPORTED_TARGET simdjson)
find_package(Boost 1.74 CONFIG REQUIRED COMPONENTS program_options) # CONFIG: newer CMake warns without it
find_package(Soci REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto SSL)
find_package(fmt CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)          # compiled, with external fmt; never spdlog_header_only
find_package(tomlplusplus CONFIG REQUIRED)    # compiled: the header-only form aborts on some broken input
find_package(nlohmann_json CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED) # core alone: no exposer, no web server of its own
