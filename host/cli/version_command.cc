#include <cstdio>

#include "cli/commands.h"
#include "kafka/admin.h"
#include "plugin/loader.h" // for the version of the plugin interface

namespace hostler::cli {

int run_version() {
  std::printf("hostler %s\nlibrdkafka %s\nplugin interface %u.%u\n", HOSTLER_VERSION,
              kafka::client_version().c_str(), HOSTLER_ABI_MAJOR, HOSTLER_ABI_MINOR);
  return exit_fine;
}

} // namespace hostler::cli
