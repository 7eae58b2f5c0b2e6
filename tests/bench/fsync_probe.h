// How long the disk takes to make a write durable, right now: on shared machines that changes by a factor of fifty
// within the hour. Thread-safety: none shared.
#pragma once

#include <filesystem>

namespace hostler::bench {

// Median of some writes with fdatasync in `folder`, in microseconds.
[[nodiscard]] double fsync_microseconds(const std::filesystem::path& folder);

} // namespace hostler::bench
