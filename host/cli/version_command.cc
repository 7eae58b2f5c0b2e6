#include <cstdio>

#include "cli/commands.h"
#include "kafka/admin.h"
#include "kafka/client_limits.h"
#include "plugin/loader.h" // for the version of the plugin interface

namespace hostler::cli {

int run_version() {
  const auto limits = kafka::client_limits();
  std::printf("hostler %s\nplugin interface %u.%u\nlibrdkafka %s%s\n", HOSTLER_VERSION, HOSTLER_ABI_MAJOR, HOSTLER_ABI_MINOR,
              kafka::client_version().c_str(), limits.empty() ? ", without limits known to Hostler" : "; known of this version:");
  for (const std::string& limit : limits) std::printf("  %s\n", limit.c_str());
  return exit_fine;
}

} // namespace hostler::cli
