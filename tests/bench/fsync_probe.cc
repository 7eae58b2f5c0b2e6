#include "bench/fsync_probe.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <vector>

#include "bench/statistics.h"

namespace hostler::bench {

double fsync_microseconds(const std::filesystem::path& folder) {
  constexpr int writes = 51;
  const std::string name = (folder / "hostler-fsync-probe").string();
  const int file = open(name.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) throw std::system_error(errno, std::generic_category(), name);
  const std::array<char, 8192> page{}; // as PostgreSQL writes its log
  std::vector<double> took;
  bool fine = true;
  for (int i = 0; i < writes && fine; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    fine = write(file, page.data(), page.size()) == static_cast<ssize_t>(page.size()) && fdatasync(file) == 0;
    took.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  close(file);
  unlink(name.c_str());
  if (!fine) throw std::system_error(errno, std::generic_category(), "fsync probe in " + folder.string());
  return median(took);
}

} // namespace hostler::bench
