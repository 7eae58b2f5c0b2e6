// What `./dev test` hands to the tests: the servers it started and a scratch folder it removes. Safe from any thread.
#pragma once

#include <filesystem>
#include <string>

namespace hostler::testing {

// host:port of the shared Apache Kafka. Throws, and so fails the test, when the tests were not started by ./dev test.
// The broker serves all tests at once: name everything after unique_prefix(), never stop it (use PrivateKafka).
[[nodiscard]] std::string kafka_bootstrap();

// postgresql:// URL of the shared PostgreSQL; throws likewise. Tests keep to a schema of their own (PostgresSchema).
[[nodiscard]] std::string postgres_url();

// A folder for temporary files; the system's own when not started by ./dev test.
[[nodiscard]] std::filesystem::path scratch_dir();

// A new name on every call and in every process, as "t3f9c2a1b-7-": begins topics, groups and schemas of one test.
[[nodiscard]] std::string unique_prefix();

} // namespace hostler::testing
