#include "bench/job.h"

#include <stdexcept>

#include "config/load_config.h"

namespace hostler::bench {

std::vector<std::string> to_arguments(const Job& job) {
  return {"--child", job.side, job.config, std::to_string(job.records), std::to_string(job.rate)};
}

Job to_job(const std::vector<std::string>& arguments) {
  if (arguments.size() != 5) throw std::invalid_argument("--child is for the benches themselves");
  return {arguments[1], arguments[2], std::stoull(arguments[3]), std::stoull(arguments[4])};
}

core::HostConfig load(const Job& job) {
  auto config = config::load_config(job.config, {});
  if (!config) throw std::runtime_error(config.error().front().text());
  return std::move(config.value());
}

} // namespace hostler::bench
