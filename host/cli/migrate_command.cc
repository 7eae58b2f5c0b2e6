#include <cstdio>

#include "cli/commands.h"
#include "cli/database.h"
#include "store/open_ledger.h"

namespace hostler::cli {

int run_migrate(const MigrateOptions& options) {
  const auto config = load_or_complain(options.config);
  if (!config) return exit_usage;
  if (config->ledger.url.empty()) {
    std::fprintf(stderr, "%s: there is no 'url' in [ledger], so there is nothing to migrate\n",
                 config->file.c_str());
    return exit_usage;
  }
  auto migrator = open_database(*config, options.dry_run);
  if (!migrator) {
    std::fprintf(stderr, "hostler: %s\n", migrator.error().message.c_str());
    return migrator.error().unreachable ? exit_unreachable : exit_not_fine;
  }
  const auto done = options.dry_run ? (*migrator)->plan() : (*migrator)->apply();
  if (!done) {
    std::fprintf(stderr, "hostler: %s\n", done.error().message.c_str());
    return exit_not_fine;
  }
  for (const store::Migration& migration : *done) {
    std::printf("%s %s %s\n", options.dry_run ? "pending" : "applied", migration.owner.c_str(),
                migration.name.c_str());
  }
  std::printf("%s: %s\n", store::masked_url(config->ledger.url).c_str(),
              done->empty()
                  ? "up to date"
                  : (std::to_string(done->size()) + (options.dry_run ? " pending" : " applied")).c_str());
  return exit_fine;
}

} // namespace hostler::cli
