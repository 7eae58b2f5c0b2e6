#include <cstdio>

#include "cli/commands.h"
#include "kafka/admin.h"
#include "kafka/client_limits.h"
#include "plugin/loader.h" // for the version of the plugin interface

namespace hostler::cli {

int run_version() {
  std::printf("hostler %s\nlibrdkafka %s\nplugin interface %u.%u\n", HOSTLER_VERSION,
              kafka::client_version().c_str(), HOSTLER_ABI_MAJOR, HOSTLER_ABI_MINOR);
  for (const std::string& limit : kafka::client_limits()) std::printf("  known of this librdkafka: %s\n", limit.c_str());
  return exit_fine;
}

} // namespace hostler::cli
